"""Exact proofs, by counts, about the probabilities behind them."""

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int
from scipy.special import bdtrc, betainc, betaincinv
from scipy.stats import binom
from torch import Tensor

from hauberk.errors import InputError


def share_at_least(hits: Int[Tensor, "b"], samples: int, alpha: float) -> Float64[Tensor, "b"]:
    """Return lower bounds of probabilities, each wrong with a probability of at most alpha.

    Source: Clopper & Pearson 1934, one side.
    """
    k = hits.cpu().numpy().astype(np.float64)
    parameters = np.maximum(k, 1), samples - k + 1
    found = betaincinv(*parameters, alpha)
    right = (k > 0) & (betainc(*parameters, found) <= 1.001 * alpha)  # not so if alpha is below 1e-100 or so
    below_one = np.minimum(found, np.nextafter(1, 0))  # no number of votes proves certainty
    return torch.from_numpy(np.where(right, below_one, 0.0)).to(hits.device)


def leader(votes: Int[Tensor, "b classes"], alpha: float) -> tuple[Int[Tensor, "b"], Bool[Tensor, "b"]]:
    """Return the class with most votes, and whether it is the most likely one but for a probability of alpha.

    The votes of the first two classes are compared by the two-sided binomial test.

    Source: Hung & Fithian 2019, theorem 1.
    """
    first, second = torch.nn.functional.pad(votes, (0, 1)).topk(2, 1).values.cpu().numpy().T
    value = 2 * bdtrc(first - 1.0, first + second, 0.5)
    sure = (first > second) & (value <= alpha)
    return votes.argmax(1), torch.from_numpy(sure).to(votes.device)


def failures_at_most(examples: int, alpha: float, rho: float) -> int:
    """Return the number that failures of independent certificates exceed with a probability of at most rho.

    Args:
        examples: the number of certificates tried.
        alpha: the probability with which each may be wrong, at most.
        rho: the probability with which the statement may be wrong.

    Raises:
        InputError: a probability is not between 0 and 1, or the number is negative.
    """
    if examples < 0:
        raise InputError(f"certificates are counted from 0, but examples is {examples}.")
    if not (0 < alpha < 1 and 0 < rho < 1):
        raise InputError(f"alpha and rho are probabilities of failure, between 0 and 1, but are {alpha}, {rho}.")
    return int(binom.isf(rho, examples, alpha))
