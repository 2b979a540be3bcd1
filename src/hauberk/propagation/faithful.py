"""Faithfulness of a captured graph to the module that it was captured from."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.graph import Graph
from hauberk.errors import CaptureError
from hauberk.kernels.modes import eval_mode


def require_faithful(graph: Graph, x: Float[Tensor, "b *x"]) -> None:
    """Raise if graph and module differ on the first of these inputs: the module may have changed since its capture.

    Parameters and buffers are live, but a hook or a plain attribute added later is not in the graph. Two passes of one
    example. Where the module's logits are not finite, nothing is compared, and nothing proven.

    Raises:
        CaptureError: they differ by more than rounding.
    """
    with torch.no_grad(), eval_mode(graph.module):
        difference = disagreement(graph, graph.module(x[:1]), x[:1])
    if difference != 0:  # or NaN
        raise CaptureError(
            f"on an input, the network and its graph differ by {difference:.3g}: the network has changed since it was "
            "captured, by a hook or an attribute perhaps. Capture it again."
        )


def disagreement(graph: Graph, logits: Float[Tensor, "b classes"], x: Float[Tensor, "b *x"]) -> float:
    """Return the largest difference between a module's logits and its graph's, 0 where rounding explains it."""
    difference = (graph.frozen()(x) - logits).abs().max().item()
    scale = logits.abs().max().item()
    return 0.0 if not logits.isfinite().all() or difference <= 1e-4 * max(scale, 1) else difference
