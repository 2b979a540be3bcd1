"""Capture of a torch module as a graph of operators, by torch.export."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, ShapesCollection

import hauberk.ops  # noqa: F401  (fills the registry)
from hauberk import accepted
from hauberk.allocator import keep_freed_memory
from hauberk.concepts.graph import Graph
from hauberk.errors import CaptureError, InputError, UnsupportedOpError
from hauberk.kernels.full_precision import full_precision
from hauberk.kernels.modes import eval_mode
from hauberk.propagation.faithful import disagreement
from hauberk.translation import batch_first_attention, translated, unrolled_recurrence


@full_precision()
def capture(module: nn.Module, example: Float[Tensor, "b *x"]) -> Graph:
    """Return the module's graph; it reads the module's live parameters and accepts every batch size.

    The module is captured in eval mode and left in its own mode; graph and module are compared on `example`. What does
    not depend on the input is computed anew from parameters and buffers at every use, as weight normalisation is. Of a
    compiled or data-parallel module the one inside is captured. Hooks, plain attributes and control flow are those of
    the moment: after a change of these capture the module again. Verifiers compare graph and module once a call.

    Raises:
        UnsupportedOpError: the module cannot be exported (control flow that depends on the data, say), uses operators
            without bounds (all are named at once, with their places), or has logits that are not finite.
        CaptureError: the graph does not compute what the module computes.
        InputError: it is no module, or fails on the example.
        ShapeError: the example is no batch of floating-point numbers.

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
    if not isinstance(module, nn.Module):
        hint = ": give its .module()" if isinstance(module, ExportedProgram) else ""
        raise InputError(f"a torch module is captured, not a {type(module).__name__}{hint}.")
    keep_freed_memory()
    example = accepted.inputs(example)
    logits = accepted.passed(module, example)
    with torch.no_grad(), eval_mode(module):
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise UnsupportedOpError("the network must return one tensor of logits (b, classes).")
        inner = unwrapped(module)
        graph = translated(inner, exported(inner, example))
        difference = disagreement(graph, logits, example)
    if not logits.isfinite().all():
        raise UnsupportedOpError("the network's logits are not finite on the example.")
    if difference != 0:
        said = f"on the example, the network and its graph differ by {difference:.3g}. If it draws random numbers or "
        raise CaptureError(f"{said}depends on more than its input, nothing is provable: evaluate it by attacks alone.")
    return graph


@contextmanager
def silence() -> Iterator[None]:
    """Let torch write no graphs to the log and to standard error in the block: its error says what is wrong."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside of compiled and data-parallel ones, which computes the same."""
    inner = module.module if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel) else None
    inner = getattr(module, "_orig_mod", inner)  # of torch.compile
    return unwrapped(inner) if isinstance(inner, nn.Module) else module


def exported(module: nn.Module, example: Tensor) -> ExportedProgram:
    """Export the module for any batch size, or raise with torch's reason."""
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise UnsupportedOpError(
            "torch.jit scripts and traces cannot be captured: capture the module that they were made from. Attacks "
            "still work on them."
        )
    two = example if len(example) > 1 else torch.cat([example, example])  # torch takes a batch size of 1 for a constant
    shapes = ShapesCollection()
    shapes[two] = {0: Dim.DYNAMIC}
    try:
        found = shapes.dynamic_shapes(module, (two,))
        with batch_first_attention(), unrolled_recurrence(), silence():
            return torch.export.export(module, (two,), dynamic_shapes=found, strict=False)
    except Exception as error:  # torch raises any kind, AttributeError, AssertionError and KeyError among them
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnsupportedOpError(
            f"the network cannot be captured by torch.export: {reason}\nIt must be a fixed computation for every batch "
            "size: no control flow that depends on the data, no reshape that fixes the batch (x.shape[0] is its size, "
            "len(x) fixes it). Attacks still work on it."
        ) from error
