"""Attacks on the rest of a network, from within the boxes that bounds found for a hidden value."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.concepts.attack import SteerableAttack
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.op import Elementwise
from hauberk.errors import InputError
from hauberk.sets.box_set import BoxSet

LEAST = 1e-5


@dataclass(frozen=True)
class UnitBoxSet(BoxSet):
    """Boxes seen as cubes [-1, 1]^n, so that a step is the same share of every side."""

    center: Float[Tensor, "b *z"]
    half: Float[Tensor, "b *z"]

    @classmethod
    def of(cls, box: Box) -> "UnitBoxSet":
        start = torch.zeros_like(box.lower)
        cube = Box(start - 1, start + 1)
        return cls(start, start.new_ones(len(start)), cube, box.center, box.radius)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "UnitBoxSet":
        cube = Box(self.box.lower[index], self.box.upper[index])
        return UnitBoxSet(self.start[index], self.radius[index], cube, self.center[index], self.half[index])

    def decode(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.addcmul(self.center, self.half, z)


def latent_margins(
    seen: BoundedPass, boxes: list[Box], attack: SteerableAttack, activations: int, noise: Noise
) -> Float[Tensor, "b k"]:
    """Return each margin at the point that an attack on it finds in the box of a hidden value: no bound, an estimate.

    The points count as functions of the box: at the upper end of a side they move with that end, at the lower end with
    the other one, in between less, and in the middle not at all.

    Args:
        seen: the network and the margins wanted.
        boxes: of all values.
        attack: run once for every margin, steered towards its class.
        activations: how many activation functions the rest of the network has.
        noise: of the attack.

    Source: Mao et al. 2023, section 3.
    """
    index = cut(seen.graph, activations)
    rest, box, (b, k) = seen.graph.after(index), boxes[index], seen.spec.offset.shape
    fixed = Box(box.lower.detach(), box.upper.detach())
    copies = torch.arange(b, device=seen.y.device).repeat_interleave(k)
    S = UnitBoxSet.of(fixed).select(copies)
    targets = seen.spec.rows.argmin(2).flatten()
    place = attack.steered(rest, S, seen.y[copies], targets, noise=noise.repeated(k)).detach()
    z = linked(place.unflatten(0, (b, k)), box)
    return torch.einsum("bkc,bkc->bk", seen.spec.rows, rest(z.flatten(0, 1)).unflatten(0, (b, k))) + seen.spec.offset


def linked(place: Float[Tensor, "b k *z"], box: Box) -> Float[Tensor, "b k *z"]:
    """Return the points at these places of the boxes' cubes, with gradients to the ends that they are nearer to."""
    low, high = box.lower.unsqueeze(1), box.upper.unsqueeze(1)
    half = box.radius.detach().unsqueeze(1)
    share = place * half / (half + LEAST)
    moved = share.clamp(min=0) * (high - high.detach()) + share.clamp(max=0).neg() * (low - low.detach())
    return torch.addcmul(box.center.detach().unsqueeze(1), half, place) + moved


def cut(graph: FrozenGraph, activations: int) -> int:
    """Return the value behind which a network has this many activation functions: what the one before them gives.

    Raises:
        InputError: the network has no more of them.
    """
    found = [index for index, node in enumerate(graph.nodes, start=1) if isinstance(node.op, Elementwise)]
    if not 0 < activations < len(found):
        raise InputError(
            f"the attacked part must have between 1 and {len(found) - 1} of the network's {len(found)} activation "
            f"functions, but should have {activations}."
        )
    return found[-activations - 1]
