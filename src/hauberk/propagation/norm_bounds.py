"""Upper bounds of norms from random projections, each with a chosen probability of failure."""

import math

import torch
from jaxtyping import Float
from scipy.special import gammaincinv
from torch import Tensor

HALVINGS = 64


def l1_bound(logs: Float[Tensor, "*n"], rows: int, failure: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return upper bounds of l1 norms, each of which holds with probability 1 - failure.

    Args:
        logs: sums of log |Cauchy projection| over all projections.
        rows: the number of independent projections.
        failure: the probability, for each norm, that its bound is too small.
    """
    return (logs / rows).exp() * inflation(-failure.log() / rows)


def l2_bound(squares: Float[Tensor, "*n"], rows: int, failure: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return upper bounds of l2 norms, each of which holds with probability 1 - failure.

    `squares` are sums of squares of `rows` standard normal projections: squared norms times a chi-square variable.
    """
    quantile = torch.as_tensor(2 * gammaincinv(rows / 2, failure.detach().cpu().numpy())).to(squares)
    return (squares / quantile).sqrt()


def rate(factor: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return the exponential rate T at which `factor` times the geometric mean of r Cauchy projections fails.

    P(factor * mean < norm) <= exp(-r T) for every factor >= 1: T(e) of the source, factor = 1 / (1 - e). By Chernoff's
    bound with E |C|^-t = 1 / cos(pi t / 2), at the best t = 2 / pi * atan(w), w = 2 / pi * log(factor).

    Source: Li, Hastie & Church 2007, tail bounds of the geometric mean estimator.
    """
    w = factor.log() * (2 / math.pi)
    return w * w.atan() - (w * w).log1p() * 0.5


def inflation(exponent: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return the smallest factor whose `rate` is at least `exponent`, by bisection."""
    # rate(exp(w pi / 2)) is above 0.43 at w = 1 and then grows by more than 0.78 w.
    low, high = torch.zeros_like(exponent), 1 + 2 * exponent
    for _ in range(HALVINGS):
        middle = (low + high) * 0.5
        enough = rate((middle * (math.pi / 2)).exp()) >= exponent
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return (high * (math.pi / 2)).exp()
