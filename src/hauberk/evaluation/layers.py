"""Shares of neurons that a proof has to relax."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import CertifiableSet


def layer_states(graph: Graph, S: CertifiableSet, bounder: Bounder) -> list[dict[str, float | int | str]]:
    """Return the mean shares of active, inactive and unstable neurons in each relaxed value."""
    frozen = graph.frozen()
    with torch.no_grad():
        boxes = bounder.boxes(frozen, S)
    states = []
    for value in frozen.relaxed:
        box = boxes[value]
        shares: dict[str, Float[Tensor, ""]] = {
            "active": (box.lower >= 0).double().mean(),
            "inactive": ((box.upper <= 0) & (box.lower < 0)).double().mean(),
            "unstable": box.unstable.double().mean(),
        }
        name = frozen.nodes[value - 1].name if value else "input"
        neurons = box.lower[0].numel()
        states.append({"name": name, "neurons": neurons} | {k: float(v) for k, v in shares.items()})
    return states
