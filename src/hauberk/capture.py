"""Capture of a torch module as a graph of operators, by torch.export."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

import hauberk.ops  # noqa: F401  (fills the registry)
from hauberk.concepts.graph import Graph
from hauberk.errors import CaptureError, UnsupportedOpError
from hauberk.kernels.full_precision import full_precision
from hauberk.translation import translated


@full_precision()
def capture(module: nn.Module, example: Float[Tensor, "b *x"]) -> Graph:
    """Return the module's graph; it reads the module's live parameters and accepts every batch size.

    The module is captured in eval mode and left in its own mode; graph and module are compared on `example`.

    Raises:
        UnsupportedOpError: the module cannot be exported (control flow that depends on the data, say), uses operators
            without bounds (all are named at once, with their places), or has logits that are not finite.
        CaptureError: the graph does not compute what the module computes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.capture import capture
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))
        >>> graph = capture(network, torch.rand(1, 2))
        >>> graph.shapes
        ((2,), (3,), (3,), (4,))
        >>> graph(torch.rand(5, 2)).shape
        torch.Size([5, 4])
    """
    training = {name: part.training for name, part in module.named_modules()}
    try:
        with torch.no_grad():
            module.eval()
            logits = module(example)
            if not isinstance(logits, Tensor) or logits.ndim != 2:
                raise UnsupportedOpError("the network must return one tensor of logits (b, classes).")
            graph = translated(module, exported(module, example))
            difference = (graph.frozen()(example) - logits).abs().max().item()
    finally:
        for name, part in module.named_modules():
            part.training = training[name]
    if not logits.isfinite().all():
        raise UnsupportedOpError("the network's logits are not finite on the example.")
    if not difference <= 1e-4 * max(logits.abs().max().item(), 1):
        said = f"on the example, the network and its graph differ by {difference:.3g}. If it draws random numbers or "
        raise CaptureError(f"{said}depends on more than its input, nothing is provable: evaluate it by attacks alone.")
    return graph


def exported(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """Export the module for any batch size, or raise with torch's reason."""
    two = example if len(example) > 1 else torch.cat([example, example])  # torch takes a batch size of 1 for a constant
    try:
        return torch.export.export(module, (two,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},), strict=False)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnsupportedOpError(
            f"the network cannot be captured by torch.export: {reason}\nIt must be a fixed computation for every batch "
            "size: no control flow that depends on the data, no reshape that fixes the batch. Attacks still work on it."
        ) from error
