"""Networks and what they give."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from hauberk.errors import HauberkError, InputError, ShapeError
from hauberk.kernels.modes import eval_mode

OTHERS = ("allocate memory", "out of memory", "nference tensor")
"""Parts of torch's messages that are told elsewhere, with other advice."""


def logits(given: object, x: Tensor) -> Float[Tensor, "b classes"]:
    """Return what a network gave for a batch, or raise unless it is a tensor of logits.

    Raises:
        ShapeError: it is not; the message says how to make it one.
    """
    wanted = f"a network gives logits ({len(x)}, classes), but this one gives"
    if not isinstance(given, Tensor):
        part = "output.logits" if hasattr(given, "logits") else "output['logits']" if isinstance(given, Mapping) else ""
        part = part or ("output[0]" if isinstance(given, tuple | list) else "one tensor")
        raise ShapeError(f"{wanted} a {type(given).__name__}: use a module whose forward returns {part}.")
    if given.shape in ((len(x), 1), (len(x),)):
        raise ShapeError(
            f"{wanted} {tuple(given.shape)}, not two logits or more: for two classes by one logit z (b, 1), "
            "let forward return torch.cat([-z, z], 1)."
        )
    if given.ndim != 2 or len(given) != len(x) or not given.is_floating_point():
        raise ShapeError(f"{wanted} {tuple(given.shape)} of {given.dtype} for a batch of inputs {tuple(x.shape)}.")
    return given


def called(network: Callable[[Tensor], object], x: Tensor) -> Float[Tensor, "b classes"]:
    """Return a network's logits.

    Raises:
        InputError: inputs and weights are on different devices, or of different types, or the network fails.
        ShapeError: the network gives something else than logits.
    """
    with explained(network, x):
        return logits(network(x), x)


def require_alike(network: object, x: Tensor, error: Exception | None = None) -> None:
    """Raise if inputs have another device or type than the weights.

    Raises:
        InputError: the message says how to convert the inputs.
    """
    weight = next((w for w in getattr(network, "parameters", tuple)() if w.is_floating_point()), x)
    for what, own, given in (("on", weight.device, x.device), ("of type", weight.dtype, x.dtype)):
        if own != given:
            raise InputError(
                f"the inputs are {what} {given}, but the network's weights {what} {own}: convert them by x.to(...), or "
                "the network by network.to(...)."
            ) from error


def classes(network: nn.Module, x: Tensor) -> int:
    """Return the number of classes that a network tells apart, by a pass in eval mode over a few inputs.

    Raises:
        InputError: a weight is NaN or infinite or not yet there, no logit is finite, inputs are in half precision, or
            the network fails on inputs of this shape; the message gives torch's reason.
        ShapeError: the network gives something else than logits.
    """
    require_weights(network)
    if x.dtype.itemsize < 4:
        raise InputError(f"networks are judged in float32 or float64, not in {x.dtype}: network.float(), x.float().")
    found = logits(passed(network, x), x)
    if not found.isfinite().any():
        raise InputError(f"all logits of the network are NaN or infinite for the first {len(x)} inputs.")
    return found.shape[1]


def passed(network: nn.Module, x: Tensor) -> object:
    """Return what a network gives for a batch in eval mode, whatever that is.

    Raises:
        InputError: it fails; the message says how inputs and weights differ, or gives torch's reason.
    """
    with torch.no_grad(), eval_mode(network), explained(network, x):
        return network(x)


@contextmanager
def explained(network: object, x: Tensor) -> Iterator[None]:
    """Let what a network raises in the block end in one line: it is the user's code.

    Raises:
        InputError: the message says how inputs and weights differ, or gives the reason.
    """
    try:
        yield
    except (HauberkError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if any(text in str(error) for text in OTHERS):
            raise
        require_alike(network, x, error)
        kind = "" if isinstance(error, RuntimeError) else f"{type(error).__name__}: "
        reason = kind + (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the network fails on inputs of shape {tuple(x.shape)} and type {x.dtype}: {reason}"
        ) from error


def require_weights(network: nn.Module) -> None:
    """Raise if a weight is not finite, or has no value yet.

    Raises:
        InputError: the message names it.
    """
    for name, weight in network.named_parameters():
        if is_lazy(weight) or weight.is_meta:
            raise InputError(f"{name} of the network has no value yet: call it on a batch, or load its weights, first.")
        if weight.is_floating_point() and not weight.isfinite().all():
            wrong = weight[~weight.isfinite()]
            raise InputError(
                f"{name} of the network has {len(wrong)} of {weight.numel()} values that are NaN or infinite "
                f"({wrong[0].item()}, say): it predicts nothing. Train it again, or load other weights."
            )
