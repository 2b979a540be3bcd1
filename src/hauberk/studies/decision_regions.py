"""Decision regions in the plane."""

import math
from dataclasses import dataclass

import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import ShapeError
from hauberk.ranges import Count, Several


@dataclass(frozen=True)
class DecisionRegions(Study):
    """A network's answers in the plane, and the points whose sets are proven to lie within one region.

    The table has three parts: `grid`, a square of predictions, second coordinate by second coordinate; `point`, the
    examples; `outline`, the boundary of each example's set.

    Args:
        verifier: proves the label on each example's set.
        side: the number of grid points along an axis.
        examples: the number of examples shown, from the first.

    Raises:
        InputError: side or examples is too small.

    Source: Wong & Kolter 2018, the experiment in two dimensions.
    """

    verifier: Verifier
    side: Several = 200
    examples: Count = 100

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        x, y = data.batch(first := slice(0, self.examples))
        if x.shape[1:] != (2,):
            raise ShapeError(f"decision regions are drawn for inputs of shape (2,), but these have {(*x.shape[1:],)}.")
        S = threat.select(first, data.inputs.shape).at(x)
        around = outlines(S)
        with torch.no_grad():
            spec = LinearSpec.margins(y, subject.module(x).shape[1], x.dtype)
            certified = self.verifier(subject, S, spec).verified
            window = torch.cat([around.flatten(0, 1), x])
            grid = plane(window.amin(0), window.amax(0), self.side)
            regions, predictions = subject.predict(grid), subject.predict(x)
        points = {"label": y, "prediction": predictions, "certified": certified}
        owners = torch.arange(len(x)).repeat_interleave(around.shape[1])
        parts = [
            part("grid", grid, prediction=regions),
            part("point", x, example=torch.arange(len(x)), **points),
            part("outline", around.flatten(0, 1), example=owners),
        ]
        facts = {"verifier": self.verifier.name, "threat": threat.name, "side": str(self.side)}
        return Findings(pl.concat(parts, how="diagonal"), facts)


def part(name: str, points: Float[Tensor, "n 2"], **columns: Tensor) -> pl.DataFrame:
    """Return one part of the table: points, with further columns."""
    first, second = points.double().T.tolist()
    more = {column: values.tolist() for column, values in columns.items()}
    frame = pl.DataFrame({"first": first, "second": second, **more})
    return frame.select(pl.lit(name).alias("part"), pl.all())


def plane(low: Float[Tensor, "2"], high: Float[Tensor, "2"], side: int) -> Float[Tensor, "n 2"]:
    """Return a grid over a rectangle, extended by a twentieth on each side; the first coordinate runs fastest."""
    reach = (high - low) / 20
    share = torch.linspace(0, 1, side, dtype=low.dtype, device=low.device)
    return torch.lerp(low - reach, high + reach, torch.cartesian_prod(share, share).flip(1))


def outlines(S: PerturbationSet, directions: int = 96) -> Float[Tensor, "b d 2"]:
    """Return the boundary of each example's convex set, as the nearest members to points on a large circle around it.

    Whole sectors of such points project to a corner, so no corner is cut off.
    """
    angles = torch.arange(directions, dtype=S.start.dtype, device=S.start.device) * (2 * math.pi / directions)
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    owner = torch.arange(len(S.start), device=S.start.device).repeat_interleave(directions)
    every = S.select(owner)
    far = every.start + 100 * every.radius[:, None] * circle.repeat(len(S.start), 1)
    return every.project(far).unflatten(0, (-1, directions))
