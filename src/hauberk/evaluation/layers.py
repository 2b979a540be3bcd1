"""Shares of neurons that a proof has to relax."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.propagation.layer_names import layer_name
from hauberk.verification.by_bound import ByBound


def layer_states(graph: Graph, S: CertifiableSet, verifier: ByBound) -> list[dict[str, float | int | str]]:
    """Return the mean shares of active, inactive and unstable neurons in each relaxed value, as a verifier sees them.

    Raises:
        UnsupportedOpError, UnsupportedSetError: its bounder is not defined on the graph, or the set.
    """
    double = torch.float64 if verifier.float64 or verifier.bounder.failure else None
    frozen, noise = graph.frozen(double), Noise.of(verifier.seed, torch.arange(len(S.start), device=S.start.device))
    with torch.no_grad():
        boxes = verifier.bounder.boxes(frozen, S if double is None else S.to(double), noise=noise)
    states = []
    for value in frozen.relaxed:
        box = boxes[value]
        shares: dict[str, Float[Tensor, ""]] = {
            "active": (box.lower >= 0).double().mean(),
            "inactive": ((box.upper <= 0) & (box.lower < 0)).double().mean(),
            "unstable": box.unstable.double().mean(),
        }
        neurons = box.lower[0].numel()
        states.append({"name": layer_name(graph, value), "neurons": neurons} | {k: float(v) for k, v in shares.items()})
    return states
