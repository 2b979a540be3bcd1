"""Flows of mass from images to attacked ones."""

import math
from dataclasses import dataclass

import polars as pl
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from hauberk.concepts.attack import Attack
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise, require_seed
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.kernels.transport_grid import Grid
from hauberk.ranges import Count, PartialShare
from hauberk.sets.wasserstein_set import Table, WassersteinSet

BATCH = 100


@dataclass(frozen=True)
class TransportPlans(Study):
    """The cheapest transport of mass that makes attacked images from clean ones, under a Wasserstein ball.

    The table has three kinds of rows, told apart by `part`: a "pixel" has its values in the clean and in the attacked
    image; a "flow" has the share of the image's mass that goes from one pixel to another; an "example" has its label,
    the answer to the attacked image, the radius, the plan's exact cost, the share of mass that moves, and how much of
    that the rows of flows leave out. Its `gap` is the largest difference of a pixel between what the plan makes and the
    attacked image: rounding, unless an attack left the ball.

    Args:
        attack: the attack.
        examples: the number of examples, the first that are answered correctly. A plan takes a linear program, which
            on a colour image of 32 by 32 pixels has some 70,000 variables.
        least: the smallest flow with a row of its own, as a share of the image's mass; what is smaller is mostly
            rounding.
        seed: seeds the attack's noise.

    Raises:
        InputError: there is no example, or least is not in [0, 1).

    Source: Wong, Schmidt & Kolter 2019, the perturbations of figure 1 as the plans that make them.
    """

    attack: Attack
    examples: Count = 4
    least: PartialShare = 1e-6
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)
        if self.examples < 1 or not 0 <= self.least < 1:
            raise InputError(
                f"TransportPlans needs an example and a least share in [0, 1), but has {self.examples}, {self.least:g}."
            )

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        first = slice(0, 1)
        require_transport(threat.select(first, data.inputs.shape).at(data.batch(first)[0]), threat)
        index = first_correct(subject, data, self.examples)
        if not len(index):
            return Findings(
                pl.DataFrame(), {"not_applicable": f"all {len(data)} examples are misclassified unattacked"}
            )
        x, y = data.batch(index)
        S = require_transport(threat.select(index, data.inputs.shape).at(x), threat)
        z = self.attack(subject.module, S, y, noise=Noise.of(self.seed, index))
        with torch.no_grad():
            answer = subject.predict(S.decode(z))
        plan = S.witness(z)
        moving = plan[:, :, 1:]
        rows: dict[str, Tensor] = {
            "example": index,
            "label": y,
            "answer": answer,
            "radius": S.radius.double(),
            "cost": (plan * S.grid.cost).sum((1, 2)),
            "moved": moving.sum((1, 2)),
            "left_out": torch.where(moving < self.least, moving, 0).sum((1, 2)),
            "gap": (S.image(plan) - z).abs().flatten(1).amax(1).double(),
        }
        parts = [part("pixel", pixels(index, x, z, S.grid)), part("flow", flows(index, plan, S.grid, self.least))]
        facts = {
            "attack": type(self.attack).__name__,
            "threat": threat.name,
            "least": f"{self.least:g}",
            "unit": "px" if in_pixels(S.table) else "",
        }
        return Findings(pl.concat([*parts, part("example", rows)], how="diagonal"), facts)


def require_transport(S: PerturbationSet, threat: ThreatModel) -> WassersteinSet:
    """Return a set of images made by transport.

    Raises:
        UnsupportedSetError: it is another set.
    """
    if not isinstance(S, WassersteinSet):
        raise UnsupportedSetError(
            f"TransportPlans draws the mass that moves in a Wasserstein ball, but the threat is {threat.name}: give "
            "the recipe a WassersteinBall as its threat, or leave this study out."
        )
    return S


@torch.no_grad()
def first_correct(subject: AttackableSubject, data: Split, most: int) -> Int[Tensor, "s"]:
    """Return the places of the first examples that are answered correctly, at most so many."""
    found = torch.empty(0, dtype=torch.long, device=data.labels.device)
    for start in range(0, len(data), BATCH):
        x, y = data.batch(slice(start, start + BATCH))
        found = torch.cat([found, (subject.predict(x) == y).nonzero()[:, 0] + start])
        if len(found) >= most:
            break
    return found[:most]


def pixels(
    index: Int[Tensor, "b"], x: Float[Tensor, "b *x"], z: Float[Tensor, "b *x"], grid: Grid
) -> dict[str, Tensor]:
    """Return the columns of all pixels."""
    b, n = len(x), grid.pixels.numel()
    channel, row, column = (each.repeat(b) for each in place(torch.arange(n, device=x.device), grid))
    values = {"clean": x.flatten().double(), "attacked": z.flatten().double()}
    return {"example": index.repeat_interleave(n), "channel": channel, "row": row, "column": column} | values


def flows(index: Int[Tensor, "b"], plan: Float64[Tensor, "b n k"], grid: Grid, least: float) -> dict[str, Tensor]:
    """Return the columns of the flows that carry at least so much."""
    example, source, offset = ((plan > 0) & (plan >= least)).nonzero().T
    example, source, offset = (each[offset > 0] for each in (example, source, offset))
    channel, row, column = place(source, grid)
    _, to_row, to_column = place(grid.places[grid.window[source, offset]], grid)
    ends = {"channel": channel, "row": row, "column": column, "to_row": to_row, "to_column": to_column}
    return {"example": index[example], **ends, "share": plan[example, source, offset]}


def place(pixel: Int[Tensor, "m"], grid: Grid) -> tuple[Int[Tensor, "m"], Int[Tensor, "m"], Int[Tensor, "m"]]:
    """Return the channel, row and column of pixels, given by their numbers in the input."""
    within, width = pixel % grid.channel_size, grid.shape[-1]
    return pixel // grid.channel_size, within // width, within % width


def part(name: str, columns: dict[str, Tensor]) -> pl.DataFrame:
    """Return one kind of rows of the table."""
    types = {name: pl.Float64 if column.is_floating_point() else pl.Int64 for name, column in columns.items()}
    frame = pl.DataFrame({name: column.tolist() for name, column in columns.items()}, schema=types)
    return frame.select(pl.lit(name).alias("part"), pl.all())


def in_pixels(table: Table) -> bool:
    """Return whether offsets cost their Euclidean lengths."""
    down, right = len(table) // 2, len(table[0]) // 2
    return all(
        math.isclose(cost, math.hypot(a - down, b - right)) for a, row in enumerate(table) for b, cost in enumerate(row)
    )
