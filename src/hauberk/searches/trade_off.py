"""Searches that weigh distance against misclassification, and search for the weight as well."""

from collections.abc import Callable
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.attack import Network
from hauberk.concepts.radius import per_example
from hauberk.searches.nearest import Nearest

Descent = Callable[[Nearest, Float[Tensor, "s"]], None]
"""A search for the nearest points of these examples, given each one's weight of misclassification."""


def balanced(descend: Descent, network: Network, best: Nearest, rounds: int, weight: float) -> Float[Tensor, "b *z"]:
    """Return the nearest points of several descents, each with weights adapted to the outcome of the last.

    A weight grows tenfold until it succeeds, and is then bisected. Source: Carlini & Wagner 2017.
    """
    best.look(network, best.S.start)
    weights = torch.full_like(best.S.radius, weight)
    least, most = torch.zeros_like(weights), torch.full_like(weights, inf)
    for number in range(rounds):
        weights, least, most = best.pack(weights, least, most)
        if not len(best):
            break
        found = Nearest(best.S, best.y, best.noise.fold(number), best.enough)
        descend(found, weights)
        z, broken = found.answers(), found.lengths < inf
        best.meet(broken, z, torch.where(broken, found.lengths, inf))
        least, most = torch.where(broken, least, weights), torch.where(broken, weights, most)
        weights = torch.where(most.isinf(), 10 * weights, (least + most) / 2)
    return best.answers()


def pull(
    weight: Float[Tensor, "s"], lead: Float[Tensor, "s"], gradient: Float[Tensor, "s *z"]
) -> Float[Tensor, "s *z"]:
    """Return the gradient of weight * max(-lead, 0)."""
    return -per_example(torch.where(lead < 0, weight, 0), gradient) * gradient
