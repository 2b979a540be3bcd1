"""The search of `sinkhorn` with torch's own operations, for all examples at once."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from hauberk.kernels.plain_newton import Sent, newton_step, plan_at
from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid

NOWHERE = -1e200
"""The dual variable of places outside the image."""
EASY = 30.0
"""The largest sharpness * value wanted that Newton's method starts from; sharper problems come after softer ones."""
NEAR, FACTOR = 1e-3, 4.0
"""The gap at which the next problem is taken, and how much sharper it is at most."""
LEAST_STRIDE = 1e-6


@dataclass
class Search:
    """Dual variables on their way, a row per example.

    `sharpness` grows up to its final value. The last step went from `before` by `stride` times `step`, along which the
    objective fell with the slope `fall` at first.
    """

    own: Int[Tensor, "b"]
    goal: Float64[Tensor, "b p"]
    mass: Float64[Tensor, "b n"]
    radius: Float64[Tensor, "b"]
    targets: Bool[Tensor, "b p"]
    sharpness: Float64[Tensor, "b"]
    dual: Float64[Tensor, "b p"]
    price: Float64[Tensor, "b"]
    step: Float64[Tensor, "b p"]
    before: Float64[Tensor, "b p"]
    stride: Float64[Tensor, "b"]
    fall: Float64[Tensor, "b"]

    def select(self, index: Tensor) -> "Search":
        """Return the rows of some examples."""
        return Search(*(getattr(self, part.name)[index] for part in fields(self)))


def plain_sinkhorn(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    radius: Float64[Tensor, "b"],
    final: float,
    grid: Grid,
    tolerance: float,
    most: int,
    plan: Float64[Tensor, "b n k"],
    dual: Float64[Tensor, "b n"],
    report: Float64[Tensor, "b 4"],
) -> None:
    """Do `sinkhorn.sinkhorn`; examples leave the batch as they are done."""
    inside = grid.padded(torch.ones_like(mass)) > 0
    targets = (images((mass > 0).double()[:, :, None].expand_as(plan), grid) > 0) & inside
    goal = torch.where(targets, grid.padded(wanted), 0)
    asked, known = (mass.sum(1) > 0) & (radius > 0), goal.isfinite().all(1)
    easy = EASY / goal.abs().amax(1).clamp(min=1e-300)
    zero, none = torch.zeros_like(goal), torch.zeros_like(radius)
    state = Search(
        *(torch.arange(len(mass), device=mass.device), goal, mass, radius, targets, easy.clamp(max=final)),
        *(zero.where(inside, NOWHERE), none + 1, zero, zero, none, none),
    ).select(asked & known)
    plan[asked & ~known] = torch.nan
    for number in range(most + 1):
        if not len(state.own):
            break
        if number == most:
            sharpen(state, (final / state.sharpness).clamp(min=1), final)
        found = plan_at(state.dual, state.mass, state.radius, state.price, 0.05 * tolerance, grid)
        state.price, image = found.price, images(found.shares * state.mass[:, :, None], grid)
        slope = torch.where(state.targets, state.dual / state.sharpness[:, None] - state.goal + image, 0)
        apart = (state.goal - image).where(state.targets, 0).square().sum(1)
        entropy = found.logs + state.price * found.paid - (image * state.dual).where(state.targets, 0).sum(1)
        gap = state.sharpness * slope.square().sum(1) / 2 + state.price * (state.radius - found.paid)
        scale = state.sharpness * apart / 2 + entropy.clamp(min=0)
        size = (state.goal.square() + image.square()).where(state.targets, 0).sum(1)
        share = torch.where(state.sharpness == final, tolerance, NEAR)
        reached = ~(gap > torch.maximum(share * scale, 2.0**-102 * state.sharpness * size))
        done = reached & (state.sharpness == final) | (number == most)
        plan[state.own] = found.shares * state.mass[:, :, None]
        dual[state.own] = grid.inside(state.dual.where(state.targets, 0))
        report[state.own] = torch.stack([state.price, gap, scale, torch.full_like(gap, number)], 1)
        if done.all():
            break
        state, found = state.select(~done), Sent(*(part[~done] for part in found))
        image, slope, gap, scale, reached = (part[~done] for part in (image, slope, gap, scale, reached))
        ahead = (slope * state.step).sum(1)
        far = ~reached & (ahead > state.fall / 2) & (state.stride > LEAST_STRIDE)
        shorter = state.stride * (state.fall / torch.where(far, state.fall + ahead, 1)).clamp(min=0.1)
        state.stride = torch.where(far, shorter, torch.where(reached, 0, 1))
        accuracy = torch.where(scale > 0, gap / scale.where(scale > 0, 1), 1).sqrt().clamp(max=0.3)
        step = newton_step(found, image, slope, state.mass, 1 / state.sharpness, accuracy, grid)
        state.step = torch.where(far[:, None], state.step, step)
        state.before = torch.where(far[:, None], state.before, state.dual)
        state.fall = torch.where(far, state.fall, torch.where(reached, 0, -(slope * step).sum(1)))
        state.dual = state.before + state.stride[:, None] * state.step
        sharpen(state, torch.where(reached, (final / state.sharpness).clamp(max=FACTOR), 1), final)


def sharpen(state: Search, ratio: Float64[Tensor, "b"], final: float) -> None:
    """Pass on to problems that are sharper by these ratios, from the same images."""
    last = state.sharpness * ratio >= final * (1 - 1e-12)
    state.sharpness = torch.where(last, final, state.sharpness * ratio)
    state.dual, state.price = state.dual * ratio[:, None], state.price * ratio
