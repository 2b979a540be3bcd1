"""Shares of neurons that a proof has to relax."""

import torch
from jaxtyping import Float64
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.propagation.layer_names import layer_name
from hauberk.verification.by_bound import ByBound

STATES = ("active", "inactive", "unstable")


def layer_states(graph: Graph, S: CertifiableSet, verifier: ByBound, size: int) -> list[dict[str, float | int | str]]:
    """Return the mean shares of active, inactive and unstable neurons in each relaxed value, as a verifier sees them.

    So many examples are bounded at once as `size` says.

    Raises:
        UnsupportedOpError, UnsupportedSetError: its bounder is not defined on the graph, or the set.
    """
    double = torch.float64 if verifier.float64 or verifier.bounder.failure else None
    frozen, noise = graph.frozen(double), Noise.of(verifier.seed, torch.arange(len(S.start), device=S.start.device))
    S = S if double is None else S.to(double)
    shares, neurons = torch.zeros(len(frozen.relaxed), len(STATES), dtype=torch.float64), []
    for some in torch.arange(len(S.start), device=S.start.device).split(size):
        with torch.no_grad():
            boxes = verifier.bounder.boxes(frozen, S.select(some), noise=noise.select(some))
        found = [boxes[value] for value in frozen.relaxed]
        for row, box in zip(shares, found, strict=True):
            row += shares_of(box).cpu() * len(some) / len(S.start)
        neurons = [box.lower[0].numel() for box in found]
    return [
        {"name": layer_name(graph, value), "neurons": count} | dict(zip(STATES, own, strict=True))
        for value, count, own in zip(frozen.relaxed, neurons, shares.tolist(), strict=True)
    ]


def shares_of(box: Box) -> Float64[Tensor, "states"]:
    """Return the shares of neurons in each of the states."""
    inactive = (box.upper <= 0) & (box.lower < 0)
    return torch.stack([mask.double().mean() for mask in (box.lower >= 0, inactive, box.unstable)])
