"""Images that transport makes within a budget."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.rows import Rows
from hauberk.errors import ShapeError
from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid, grid
from hauberk.kernels.transport_support import support
from hauberk.sets.transport_heading import Heading, stepped
from hauberk.sets.transport_limits import reach, within_budget, within_cap
from hauberk.sets.transport_projection import Method, projected
from hauberk.sets.transport_witness import cheapest, costs
from hauberk.sets.transport_worth import largest

Table = tuple[tuple[float, ...], ...]
SOLVED = 2.0**-30
"""The least difference that counts as rounding, as a share of the brightest pixel: what linear programs leave."""


@dataclass(frozen=True)
class WassersteinSet(MetricBall, CertifiableSet):
    """The images that come from `start` by moving mass within windows, at a cost of at most `radius`.

    Cost is the sum of (share of the image's mass) * (cost of the offset that it moves by): for the Euclidean distance,
    in pixels. Each channel keeps its mass. No pixel gets more than the range of valid inputs allows.

    Members are what a plan makes, up to rounding: `contains` finds a plan of cost at most `radius` whose image differs
    nowhere by more than rounding. `project` returns such a plan's image, and members as they are.

    Args:
        start: the unperturbed images, at least 0 everywhere.
        radius: the radii, in units of the cost times the share of mass.
        within: the range (0, most) of valid inputs; None if a pixel may get any value.
        table: the cost of each offset, the centre in its middle.
        heading: the direction of steepest steps: the gradient's signs, the gradient, or the best transport.
        method: how to project.
    """

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    within: tuple[float, float] | None
    table: Table
    heading: Heading
    method: Method
    metric = "Wasserstein"  # pyright: ignore[reportAssignmentType]

    @property
    def symmetric(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return tuple(row[::-1] for row in self.table[::-1]) == self.table

    @cached_property
    def grid(self) -> Grid:
        """The geometry of windows."""
        return grid(tuple(self.start.shape[1:]), self.table, self.start.device)

    @cached_property
    def total(self) -> Float64[Tensor, "b"]:
        """The mass of each image; 1 for a black one, which cannot change."""
        total = self.start.flatten(1).sum(1, dtype=torch.float64)
        return torch.where(total > 0, total, 1)

    @cached_property
    def mass(self) -> Float64[Tensor, "b n"]:
        """The share of each pixel in its image's mass."""
        return self.start.flatten(1).double() / self.total[:, None]

    @cached_property
    def cap(self) -> Float64[Tensor, "b"]:
        """The largest share that a pixel may get."""
        most = inf if self.within is None else self.within[1]
        return (most / self.total).maximum(self.mass.amax(1))

    @property
    def stride(self) -> Float[Tensor, "b"]:
        return self.unit

    @property
    def step_unit(self) -> Float[Tensor, "b"]:
        return torch.ones_like(self.radius) if self.heading == "wasserstein" else self.unit

    @cached_property
    def reach(self) -> tuple[Float64[Tensor, "b n"], Float64[Tensor, "b n"]]:
        """The least and the largest share that each pixel can get."""
        return reach(self.mass, self.cap, self.radius.double(), self.grid)

    @cached_property
    def near(self) -> Float64[Tensor, "b"]:
        """The differences of shares that count as rounding, of the largest share that any pixel can get."""
        rounding = torch.finfo(self.start.dtype).eps * self.reach[1].amax(1)
        return rounding.maximum(SOLVED * self.mass.amax(1))

    @property
    def blur(self) -> Float[Tensor, "b"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self.near * self.total).to(self.start.dtype)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "WassersteinSet":
        return replace(self, start=self.start[index], radius=self.radius[index])

    def plan(self, z: Float[Tensor, "b *z"]) -> Float64[Tensor, "b n k"]:
        """Return plans of cost at most `radius` whose images are nearest to z, or near it in the entropic sense."""
        wanted = z.detach().flatten(1).double() / self.total[:, None]
        near = self.near / 4 * self.mass.shape[1] ** 0.5
        return projected(wanted, self.mass, self.cap, self.radius.double(), self.grid, self.method, near)

    def witness(self, z: Float[Tensor, "b *z"]) -> Float64[Tensor, "b n k"]:
        """Return plans, of cost at most `radius`, whose images are z up to rounding if it is a member."""
        wanted = z.detach().flatten(1).double() / self.total[:, None]
        plan = cheapest(wanted, self.mass, self.near / 2, self.cap, self.grid)
        return within_cap(
            within_budget(plan, self.mass, self.radius.double(), self.grid), self.mass, self.cap, self.grid
        )

    def image(self, plan: Float64[Tensor, "b n k"]) -> Float[Tensor, "b *z"]:
        """Return the images that plans make."""
        moved = (self.grid.inside(images(plan, self.grid)) - self.mass) * self.total[:, None]
        most = inf if self.within is None else self.within[1]
        made = (self.start.flatten(1).double() + moved).clamp(0, most)
        return made.to(self.start.dtype).view_as(self.start)

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        out, moved = z.clone(), ~self.contains(z) & ~z.isnan().flatten(1).any(1)
        if moved.any():
            others = self.select(moved)
            out[moved] = others.image(others.plan(z[moved]))
        return out

    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the cost of the cheapest plan for each image, which a linear program finds; infinite without any."""
        return self.measured(z).to(z.dtype)

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        """Return a mask of the members, up to `atol`; a linear program finds the plan of each image of equal mass."""
        return self.measured(z, atol) <= self.radius.double()

    def measured(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Float64[Tensor, "b"]:
        """Return the costs of the cheapest plans whose images differ from z by rounding and `atol` at most."""
        most = inf if self.within is None else self.within[1]
        self.require_shape(z)
        valid = ((z >= -atol) & (z <= most + atol)).flatten(1).all(1)
        share = torch.where(per_example(valid, z), z, self.start).flatten(1).double() / self.total[:, None]
        found = costs(share, self.mass, self.cap, self.radius.double(), self.near + atol / self.total, self.grid)
        return torch.where(valid, found, inf)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return z after a step in the heading's direction; what is not finite in the gradient makes z NaN."""
        return stepped(z, gradient, length, self.heading, self.total, self.grid)

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return the image of a random plan per example: random shares of a window, of a random part of the budget."""
        drawn = noise.fold(0).uniform((self.mass.shape[1], len(self.grid.cost)), torch.float64)
        drawn = drawn * (self.grid.padded(self.mass * 0 + 1)[:, self.grid.window] > 0)
        plan = self.mass[:, :, None] * drawn / drawn.sum(2, keepdim=True)
        budget = self.radius.double() * noise.fold(1).uniform((1,), torch.float64)[:, 0]
        return self.image(within_cap(within_budget(plan, self.mass, budget, self.grid), self.mass, self.cap, self.grid))

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        """Return an upper bound of <c, z>, near the largest; the largest itself without a range of valid inputs."""
        b, k = c.shape[:2]
        self.require_shape(c[:, 0])
        owner = torch.arange(b, device=c.device).repeat_interleave(k)
        return self.support(c.reshape(b * k, -1), owner).view(b, k).to(c.dtype)

    def support_of_rows(self, rows: Rows) -> Float[Tensor, "r 2"]:
        rows = rows.dense()
        upper, lower = (self.support(sign * rows.values.flatten(1), rows.owner) for sign in (1, -1))
        return torch.stack([upper - lower, upper + lower], 1) * 0.5

    def require_shape(self, z: Tensor) -> None:
        """Raise unless points or directions are of the sets' shape."""
        if z.shape != self.start.shape:
            raise ShapeError(f"points {tuple(z.shape)} are not of the sets' shape {tuple(self.start.shape)}.")

    def support(self, values: Float[Tensor, "r n"], owner: Int[Tensor, "r"]) -> Float64[Tensor, "r"]:
        """Return the support function of rows over their owners' sets."""
        values, radius = values.double(), self.radius.double()
        if self.within is None:
            return support(values, owner, self.mass, radius, self.grid) * self.total[owner]
        return largest(values, owner, self.mass, self.cap, radius, self.reach, self.grid) * self.total[owner]

    def bounding_box(self) -> Box:
        """Return what single pixels can lose to their neighbours, or gain from the nearest mass."""
        lower, upper = (side * self.total[:, None] for side in self.reach)
        rounding = 0.5 * torch.finfo(self.start.dtype).eps * upper
        slack = rounding + rounding.maximum((self.near * self.total)[:, None])
        sides = ((lower - slack).clamp(min=0), upper + slack)
        return Box(*(side.to(self.start.dtype).view_as(self.start) for side in sides))
