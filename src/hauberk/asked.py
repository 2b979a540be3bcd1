"""Models and inputs of a question, as they must be."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk import accepted
from hauberk.capture import capture
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError


def batch(model: nn.Module, x: object) -> Float[Tensor, "b *x"]:
    """Return inputs as a batch on the model's device.

    Raises:
        InputError: the model is no torch module.
        ShapeError: the inputs are no batch of floating-point numbers.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"model is a torch module that maps inputs to logits, but is a {type(model).__name__}.")
    x = accepted.inputs(x)
    if not len(x):
        raise ShapeError(f"there is no input in a batch of shape {tuple(x.shape)}: give at least one.")
    return x.to(next(model.parameters(), x).device)


def of_logits(rows: object, x: Float[Tensor, "b *x"], classes: int) -> Float[Tensor, "b k classes"]:
    """Return rows of coefficients of the logits for every input; those of the logits themselves if none are given.

    Raises:
        ShapeError: they are not one coefficient per logit, for all inputs or for each.
    """
    given = torch.eye(classes) if rows is None else accepted.tensor("rows", rows)
    if given.shape[-1:] != (classes,) or given.ndim not in (2, 3) or (given.ndim == 3 and len(given) != len(x)):
        raise ShapeError(
            f"rows have the shape (k, {classes}), or ({len(x)}, k, {classes}) to have others for each input, but have "
            f"{tuple(given.shape)}."
        )
    return given.to(x).expand(len(x), *given.shape[-2:])


def asked(model: nn.Module, x: Float[Tensor, "b *x"]) -> NetworkSubject:
    """Return a model with its graph."""
    with isolated(x.device, 0):
        accepted.classes(model, x[:2])
        return NetworkSubject(model, capture(model, x[:2]))


@contextmanager
def isolated(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch for networks that draw random numbers, and restore its random state after the block."""
    with torch.random.fork_rng([device.index or 0] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
