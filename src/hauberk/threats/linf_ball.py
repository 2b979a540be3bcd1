"""The l_inf ball."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import NormBall, ThreatModel, require_within
from hauberk.errors import InputError, ShapeError


@dataclass(frozen=True)
class LinfSet(NormBall):
    """The points within `radius` of `start` in every coordinate that lie in the range of valid inputs: a box."""

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    box: Box
    p = inf
    is_box = True

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "LinfSet":
        box = Box(self.box.lower[index], self.box.upper[index])
        return replace(self, start=self.start[index], radius=self.radius[index], box=box)

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return z.clamp(self.box.lower, self.box.upper)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"]
    ) -> Float[Tensor, "b *z"]:
        return z + gradient.sign() * per_example(length, z)

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        share = noise.uniform(tuple(self.start.shape[1:]), self.start.dtype)
        return self.project(torch.lerp(self.box.lower, self.box.upper, share))

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        return ((z >= self.box.lower - atol) & (z <= self.box.upper + atol)).flatten(1).all(1)

    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return (z - self.start).flatten(1).abs().amax(1)

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        c = c.flatten(2)
        center, radius = self.box.center.flatten(1), self.box.radius.flatten(1)
        return (c @ center[:, :, None] + c.abs() @ radius[:, :, None])[:, :, 0]

    def bounding_box(self) -> Box:
        return self.box


@dataclass(frozen=True)
class LinfBall(ThreatModel):
    """Every pixel may move by eps, and stays within the range of valid inputs.

    Args:
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius an example.
        within: the range of valid inputs; None where every number is one.

    Raises:
        InputError: eps is negative, not finite or no number.
    """

    eps: float | str | Float[Tensor, "b"]
    within: tuple[float, float] | None = (0.0, 1.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", radius(self.eps))

    @property
    def name(self) -> str:
        return "linf eps " + ("per example" if isinstance(self.eps, Tensor) else f"{self.eps:.6g}")

    def at(self, x: Float[Tensor, "b *x"]) -> LinfSet:
        low, high = self.within or (-inf, inf)
        require_within(x, low, high)
        eps = torch.as_tensor(self.eps, dtype=x.dtype, device=x.device)
        if eps.ndim and eps.shape != (len(x),):
            raise ShapeError(f"one radius an example: {len(x)} inputs, but eps has shape {tuple(eps.shape)}.")
        eps = eps.expand(len(x))
        reach = per_example(eps, x)
        x = x.clamp(low, high)  # float dust, which require_within lets pass
        return LinfSet(x, eps, Box((x - reach).clamp(min=low), (x + reach).clamp(max=high)))

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "LinfBall":
        return replace(self, eps=self.eps * factor)  # pyright: ignore[reportOperatorIssue]


def radius(eps: float | str | Tensor) -> float | Tensor:
    """Return a radius as a number; "8/255" is a valid way to write one."""
    try:
        value = float(Fraction(eps)) if isinstance(eps, str) else eps if isinstance(eps, Tensor) else float(eps)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f'eps must be a number or a fraction like "8/255", but is {eps!r}.') from error
    most, least = (value.max(), value.min()) if isinstance(value, Tensor) else (value, value)
    if not (least >= 0 and most < inf):
        raise InputError(f"eps must be finite and not negative, but is {eps!r}.")
    return value


def per_example(t: Float[Tensor, "b"], z: Float[Tensor, "b *z"]) -> Float[Tensor, "b ..."]:
    """Return one number an example, shaped to broadcast over z."""
    return t.view(-1, *(1,) * (z.ndim - 1))
