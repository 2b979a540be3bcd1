"""Attacks on the last part of a network, within the boxes found for a hidden value."""

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
    """Boxes parametrised by cubes [-1, 1]^n, so that a step is the same share of every side.

    Args:
        start: the centres of the cubes: zeros.
        radius: the radii of the cubes: ones.
        box: the cubes.
        center: the centres of the boxes that the cubes stand for.
        half: half the sides of those boxes.
    """

    center: Float[Tensor, "b *z"]
    half: Float[Tensor, "b *z"]

    @classmethod
    def of(cls, box: Box) -> "UnitBoxSet":
        """Return the cubes that stand for these boxes."""
        start = torch.zeros_like(box.lower)
        cube = Box(start - 1, start + 1)
        return cls(start, start.new_ones(len(start)), cube, None, box.center, box.radius)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "UnitBoxSet":
        cube = Box(self.box.lower[index], self.box.upper[index])
        return UnitBoxSet(self.start[index], self.radius[index], cube, None, self.center[index], self.half[index])

    def decode(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.addcmul(self.center, self.half, z)


def latent_margins(
    seen: BoundedPass, boxes: list[Box], attack: SteerableAttack, activations: int, noise: Noise
) -> Float[Tensor, "b k"]:
    """Return each margin at the point that an attack finds in the box of a hidden value: an estimate, not a bound.

    Gradients treat the points as functions of the box: at the upper end of a side they move with that end, at the lower
    end with the lower one, in between less, and in the middle not at all.

    Args:
        seen: the network and its margins.
        boxes: the boxes of all values.
        attack: the attack, run once per margin and steered towards its class.
        activations: the number of activation functions in the attacked part of the network.
        noise: the streams of the examples, for the attack.

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
    """Return the points of the boxes at these places of their cubes, with gradients to the nearer ends."""
    low, high = box.lower.unsqueeze(1), box.upper.unsqueeze(1)
    half = box.radius.detach().unsqueeze(1)
    share = place * half / (half + LEAST)
    moved = share.clamp(min=0) * (high - high.detach()) + share.clamp(max=0).neg() * (low - low.detach())
    return torch.addcmul(box.center.detach().unsqueeze(1), half, place) + moved


def cut(graph: FrozenGraph, activations: int) -> int:
    """Return the index of the value followed by exactly this many activation functions: the result of the one before.

    Raises:
        InputError: the number is not positive, or the network does not have more activation functions.
    """
    found = [index for index, node in enumerate(graph.nodes, start=1) if isinstance(node.op, Elementwise)]
    if not 0 < activations < len(found):
        raise InputError(
            f"the attacked part must have between 1 and {len(found) - 1} of the network's {len(found)} activation "
            f"functions, but should have {activations}."
        )
    return found[-activations - 1]
