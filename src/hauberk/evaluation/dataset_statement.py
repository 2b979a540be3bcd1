"""A statement about all certificates of an evaluation at once, where each may be wrong."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import torch

from hauberk.concepts.dataset import Split
from hauberk.evaluation.records import outcomes
from hauberk.sampling.binomial import failures_at_most
from hauberk.sampling.poll import streams

RHO = 0.001
"""The probability with which the statement may be wrong."""


@dataclass(frozen=True)
class Statement:
    """A statement that holds with a given confidence: at least so many of the certified examples are so rightly.

    A certificate that is wrong at any radius counts as wrong at all. So the same number of failures is subtracted at
    any radius, and the statements at all radii hold at once.

    Args:
        confidence: the probability, over the proofs' random numbers, that the statement is right.
        failure: the largest probability with which the certificates of an example are wrong.
        tried: the number of correctly classified examples, for which certificates were tried.
        equal: the largest number of equal inputs, whose certificates fail together; None if any may fail together.
        failures: the number of examples with wrong certificates that is exceeded only where the statement is wrong.
        at_least: the number of certified examples less these failures, or those certified with certainty if more.
    """

    confidence: float
    failure: float
    tried: int
    equal: int | None
    failures: int
    at_least: int


def dataset_statement(
    records: pl.DataFrame, facts: Sequence[Mapping[str, str]], equal: int | None, rho: float = RHO
) -> Statement | None:
    """Return the statement on the certified examples; None if all certificates hold with certainty.

    Args:
        records: one row per example.
        facts: the metadata of the records' shards.
        equal: the largest number of equal inputs; None if certificates of different inputs depend on each other.
        rho: the probability with which the statement may be wrong.
    """
    confidence = [pair for fact in facts for pair in json.loads(fact.get("confidence", "{}")).items()]
    unsure = {name for name, value in confidence if value < 1}
    if not unsure:
        return None
    found = outcomes(records)
    certified, tried = found["certified"], int(found["clean"].sum())
    failure = 1 - min(value for _, value in confidence)
    failures = most_failures(tried, failure, equal, rho)
    sure = int((certified & ~records["certified_by"].is_in(list(unsure))).sum())
    return Statement(1 - rho, failure, tried, equal, failures, max(sure, int(certified.sum()) - failures))


def most_failures(tried: int, failure: float, equal: int | None, rho: float = RHO) -> int:
    """Return a number of examples with wrong certificates that is exceeded with a probability of at most rho.

    Groups of equal inputs fail independently, so that their number is bounded by a binomial quantile. Even if failures
    depend on each other, at most tried * failure of them are expected, and Markov's inequality bounds their number.

    Args:
        tried: the number of examples for which certificates were tried.
        failure: the largest probability with which the certificates of an example are wrong.
        equal: the largest size of a group; None if any examples may fail together.
        rho: the probability.
    """
    most = min(tried, max(0, math.ceil(tried * failure / rho) - 1))
    if equal is None or not most or failure >= 1:
        return most
    return min(most, equal * failures_at_most(tried, failure, rho))


def most_equal(data: Split, size: int = 1000) -> int:
    """Return the largest number of inputs that are equal, and so share the noise of votes.

    Args:
        data: at least one example.
        size: the number of inputs read at once.
    """
    keys = [streams(data.batch(slice(start, start + size))[0], 0).keys.cpu() for start in range(0, len(data), size)]
    return int(torch.cat(keys).unique(return_counts=True)[1].max())
