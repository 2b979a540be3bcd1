"""Isolation of an evaluation, which leaves no trace in the network or in torch's random state."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from hauberk.errors import InputError
from hauberk.kernels.modes import set_eval


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Keep the network in eval mode, and afterwards restore everything that could have changed.

    That is the mode of every module, the parameters' `grad` and `requires_grad`, and torch's random state.

    Raises:
        InputError: it is no torch module.
    """
    if not isinstance(network, nn.Module):
        raise InputError(
            f"an evaluation judges a torch module, not a {type(network).__name__}: give it the module, and smooth that "
            "by Evaluator(smoothing=...)."
        )
    training = {part: part.training for part in network.modules()}
    parameters = [(parameter, parameter.grad, parameter.requires_grad) for parameter in network.parameters()]
    devices = sorted({parameter.device.index or 0 for parameter, *_ in parameters if parameter.device.type == "cuda"})
    with torch.random.fork_rng(devices):
        try:
            set_eval(network)
            for parameter, *_ in parameters:
                parameter.grad = None  # so that gradients accumulated meanwhile leave the old ones alone
            yield
        finally:
            for part, mode in training.items():
                part.training = mode
            for parameter, gradient, wanted in parameters:
                parameter.requires_grad_(wanted)
                parameter.grad = gradient


def reseed(device: torch.device, *what: object) -> None:
    """Seed torch's generators with a hash of what is about to be done, so that random networks answer reproducibly.

    Generators of other devices stay as they are.
    """
    seed = zlib.crc32(repr(what).encode())
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
