"""Clean, attacked and certified accuracy, where they are known."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from hauberk.evaluation.dataset_statement import dataset_statement
from hauberk.evaluation.records import outcomes
from hauberk.evaluation.statistics import share


def accuracies(
    records: pl.DataFrame,
    facts: Sequence[Mapping[str, str]],
    attacks: Collection[str],
    verifiers: Collection[str],
    equal: int | None = None,
) -> dict[str, Any]:
    """Return the accuracies with their intervals, and why one of them is not applicable.

    Attacked accuracy is None unless an attack applied, or a verifier broke an example; certified accuracy is None
    unless a verifier applied. "not_applicable" has the reasons of those that were asked for. "statement" is about all
    certificates at once, None where they are certain.

    Args:
        records: one row per example.
        facts: the metadata of the records' shards.
        attacks: the names of the attacks asked for.
        verifiers: the names of the verifiers asked for.
        equal: the largest number of inputs whose certificates fail together; None if that is not known.
    """
    refused = {"attacked": gathered(facts, "attacks_not_applicable"), "certified": gathered(facts, "not_applicable")}
    asked = {"attacked": attacks, "certified": verifiers}
    known = {measure: any(name not in refused[measure] for name in names) for measure, names in asked.items()}
    known["attacked"] |= bool(records["broken_by"].is_in(list(verifiers)).any())
    shares = {
        measure: share(int(mask.sum()), len(records)) if known.get(measure, True) else None
        for measure, mask in outcomes(records).items()
    }
    reasons = {
        measure: f"not applicable: {' '.join(dict.fromkeys(refused[measure].values()))}"
        for measure, names in asked.items()
        if names and not known[measure]
    }
    statement = dataset_statement(records, facts, equal) if shares["certified"] else None
    return {**shares, "not_applicable": reasons, "statement": statement and asdict(statement)}


def remarked(facts: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a sentence on each attack that did not apply, as a whole or in part."""
    refused, remarks = gathered(facts, "attacks_not_applicable"), gathered(facts, "attack_remarks")
    whole = [f"{name} is not applicable: {reason}" for name, reason in refused.items()]
    return whole + [f"{name}: {remark}" for name, own in remarks.items() for remark in own]


def gathered(facts: Sequence[Mapping[str, str]], key: str) -> dict[str, Any]:
    """Return what all shards say under a key of their metadata, by name."""
    return {name: value for fact in facts for name, value in json.loads(fact.get(key, "{}")).items()}
