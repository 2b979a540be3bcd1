"""Outer polytopes: the proven outer bounds of a set's image, along with the image itself."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.noise import require_seed
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError, ShapeError
from hauberk.ranges import Count, Natural, Positive, Several


@dataclass(frozen=True)
class OutputPolytope(Study):
    """The logits that a network of two inputs and two logits takes on the set around the first example.

    The table has three parts for each network and radius: `true`, the images of a grid of members; `convex`, the
    polygon cut out by lower bounds of <c, logits> for directions c all around; `box`, the polygon from the four
    directions along the axes and another bounder. Everything is computed in float64.

    Args:
        bounder: bounds the directions of the polygon.
        box: bounds the logits one by one.
        eps: the radii, in units of the input.
        redrawn: the number of networks of the subject's architecture, with random weights, to study in its place; their
            weights have standard deviation 1 / sqrt(inputs of the neuron), their biases 1. With 0, the subject.
        directions: the number of directions, a multiple of four.
        side: the number of grid points along an axis.
        seed: seeds the random weights.

    Raises:
        InputError: there is no radius, or one that is not positive; directions is not a multiple of four; side is less
            than two.

    Source: Wong & Kolter 2018, the figure of outer polytopes.
    """

    bounder: Bounder
    box: Bounder
    eps: list[Positive] = field(default_factory=lambda: [0.05, 0.1, 0.25])
    redrawn: Natural = 0
    directions: Count = 64
    side: Several = 65
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)
        if not self.eps or not min(self.eps) > 0:
            raise InputError(f"OutputPolytope needs positive radii, but has {self.eps}.")
        if self.directions < 4 or self.directions % 4 or self.side < 2:
            raise InputError(
                "OutputPolytope needs a multiple of four directions and a side of at least 2, but has "
                f"{self.directions}, {self.side}."
            )

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        x = data.batch(first := slice(0, 1))[0].double()
        threat = threat.select(first, data.inputs.shape)
        parts = []
        for number, network in enumerate(self.networks(subject.graph)):
            if network.shapes[0] != (2,) or network.shapes[-1] != (2,):
                raise ShapeError(
                    "outer polytopes are drawn for two inputs and two logits, but the network has inputs of shape "
                    f"{network.shapes[0]} and logits of shape {network.shapes[-1]}."
                )
            for eps in self.eps:
                S = threat.scaled(eps / float(threat.eps)).at(x).cover()
                with torch.no_grad():
                    shapes = {
                        "true": network(grid(S, self.side)),
                        "convex": polygon(self.bounder, network, S, self.directions),
                        "box": polygon(self.box, network, S, 4),
                    }
                parts += [part(number, eps, name, points) for name, points in shapes.items()]
        facts = {"bounder": type(self.bounder).__name__, "box": type(self.box).__name__, "redrawn": str(self.redrawn)}
        return Findings(pl.concat(parts), facts | {"side": str(self.side), "directions": str(self.directions)})

    def networks(self, graph: Graph) -> Iterator[FrozenGraph]:
        """Yield the networks to study, in float64: the captured one, or random ones of its architecture."""
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(self.redrawn or 1):
            module = copy.deepcopy(graph.module).double()
            for layer in module.modules():
                if self.redrawn and isinstance(layer, nn.Linear):
                    redraw(layer, generator)
            yield replace(graph, module=module).frozen()


def redraw(layer: nn.Linear, generator: torch.Generator) -> None:
    """Draw a layer's weights and biases anew."""
    with torch.no_grad():
        for tensor, deviation in [(layer.weight, layer.in_features**-0.5), (layer.bias, 1.0)]:
            tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=torch.float64) * deviation)


def grid(S: CertifiableSet, side: int) -> Float[Tensor, "n 2"]:
    """Return members of the only set of a batch: a grid over its box, each point moved to the nearest member."""
    box = S.bounding_box()
    share = torch.linspace(0, 1, side, dtype=box.lower.dtype, device=box.lower.device)
    points = torch.lerp(box.lower, box.upper, torch.cartesian_prod(share, share).flip(1))
    return S.select(torch.zeros(len(points), dtype=torch.long, device=points.device)).project(points)


def polygon(bounder: Bounder, network: FrozenGraph, S: CertifiableSet, directions: int) -> Float[Tensor, "n 2"]:
    """Return the corners, in order, of the part of the plane that lower bounds in all directions leave."""
    angles = torch.arange(directions, dtype=S.start.dtype, device=S.start.device) * (2 * math.pi / directions)
    rows = torch.stack([angles.cos(), angles.sin()], 1)
    rows = torch.where(rows.abs() < 1e-9, 0, rows)  # exact axes
    lower = bounder(network, S, LinearSpec(rows[None], rows.new_zeros(1, directions))).lower[0]
    right, top, left, bottom = lower[:: directions // 4]
    corners = torch.stack([right, top, -left, top, -left, -bottom, right, -bottom]).view(4, 2)
    for number in range(directions):
        if number % (directions // 4):
            corners = cut(corners, rows[number], lower[number])
    return corners


def cut(corners: Float[Tensor, "n 2"], row: Float[Tensor, "2"], least: Float[Tensor, ""]) -> Float[Tensor, "m 2"]:
    """Return the part of a convex polygon where <row, z> >= least."""
    height = corners @ row - least
    following, inside = height.roll(-1), height >= 0
    crosses = inside != (following >= 0)
    share = torch.where(crosses, height / torch.where(crosses, height - following, 1), 0)
    crossing = torch.lerp(corners, corners.roll(-1, 0), share[:, None])
    return torch.stack([corners, crossing], 1)[torch.stack([inside, crosses], 1)]


def part(network: int, eps: float, name: str, points: Float[Tensor, "n 2"]) -> pl.DataFrame:
    """Return one part of the table: points, labelled by network, radius and name."""
    first, second = points.T.tolist()
    frame = pl.DataFrame({"first": first, "second": second})
    return frame.select(
        pl.lit(network, pl.Int64).alias("network"),
        pl.lit(eps, pl.Float64).alias("eps"),
        pl.lit(name).alias("part"),
        pl.all(),
    )
