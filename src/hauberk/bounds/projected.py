"""The dual network with random projections: bounds for training in time linear in the number of neurons."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.backward_pass import BackwardPass
from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.forward_pass import Carrier, Form, forward_boxes
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, NormBall
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError, UnsupportedSetError


@dataclass(frozen=True)
class Projected(Bounder):
    """Hidden bounds estimated from random projections, margins by one exact backward row each.

    The spread of a value is an l1 norm: of everything that the input and the relaxations so far may add. Its `rows`
    Cauchy projections travel forward together, so that a step costs about `rows` forward passes an example, however
    many neurons are unstable and however deep the network is; their median estimates the norm with a relative standard
    deviation of about pi / (2 sqrt(rows)). An l2 ball's own part is carried apart, in Gaussian projections.

    For training: an estimate is no bound, and verifiers refuse it. All examples of a step share one draw.

    Source: Wong, Schmidt, Metzen & Kolter 2018, section 3.2 and algorithm 3, which carries the terms of every layer in
    rows of their own; sums of Cauchy variables are Cauchy, so one set of rows is enough.
    """

    rows: int = 50
    certifies = False

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise InputError(f"rows must be at least 1, but is {self.rows}.")

    def __call__(
        self,
        graph: FrozenGraph,
        S: CertifiableSet,
        spec: LinearSpec,
        *,
        outward: bool = True,
        noise: Noise | None = None,
    ) -> Bounds:
        boxes = self.boxes(graph, S, outward=outward, noise=noise)
        return Bounds(BackwardPass(graph, S, boxes, Parallel(), outward=outward).margins(spec), boxes)

    def boxes(
        self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True, noise: Noise | None = None
    ) -> list[Box]:
        if noise is None:
            raise InputError("random projections need noise: pass noise=Noise.of(seed, examples).")
        if not isinstance(S, NormBall) or S.p < 2:
            raise UnsupportedSetError(
                f"{type(S).__name__} has no random projections: they are known for l_inf and l2 balls."
            )
        return forward_boxes(graph, S, Projections(S, self.rows, noise.common), outward=outward)


@dataclass(frozen=True)
class Projections(Carrier):
    """Block 0: the input's projections where they are Gaussian; block 1: Cauchy projections of all the rest."""

    S: NormBall
    rows: int
    noise_source: Noise

    def start(self) -> Form:
        S, shape = self.S, (self.rows, *self.S.start.shape[1:])
        source, dtype = self.noise_source.fold(0), S.start.dtype
        if S.p == math.inf:
            box = S.bounding_box()
            blocks = {1: cauchy(source, shape, dtype) * box.radius.unsqueeze(1)}
            return Form(box.center, blocks)
        radius = S.radius.view(-1, *(1,) * len(shape))
        return Form(S.start, {0: source.normal(shape, dtype) * radius})

    def noise(self, index: int, half: Float[Tensor, "b *z"]) -> dict[int, Float[Tensor, "b k *z"]]:
        drawn = cauchy(self.noise_source.fold(index), (self.rows, *half.shape[1:]), half.dtype)
        return {1: drawn * half.unsqueeze(1)}

    def box(self, form: Form, interval: Box, loose: Bool[Tensor, "b *z"]) -> Box:
        owner, neuron = loose.flatten(1).nonzero(as_tuple=True)
        spread = form.center.new_zeros(len(owner))
        if 0 in form.blocks:
            spread = spread + chosen(form.blocks[0], owner, neuron).norm(dim=1) * self.rows**-0.5
        if 1 in form.blocks:
            spread = spread + median(chosen(form.blocks[1], owner, neuron).abs())
        center = form.center.flatten(1)[owner, neuron]
        shape, where = form.center.shape, (owner, neuron)
        lower = interval.lower.flatten(1).index_put(where, center - spread).view(shape)
        upper = interval.upper.flatten(1).index_put(where, center + spread).view(shape)
        return interval.intersect(Box(lower, upper))

    def magnitude(self, form: Form) -> Float[Tensor, "b *z"]:
        spread = form.blocks[0].norm(dim=1) * self.rows**-0.5 if 0 in form.blocks else 0
        return form.center.abs() + spread + (median(form.blocks[1].abs().movedim(1, -1)) if 1 in form.blocks else 0)


def cauchy(noise: Noise, shape: tuple[int, ...], dtype: torch.dtype) -> Float[Tensor, "1 k *z"]:
    """Return standard Cauchy variables."""
    return torch.tan((noise.uniform(shape, dtype) - 0.5) * math.pi)


def chosen(block: Float[Tensor, "b k *z"], owner: Tensor, neuron: Tensor) -> Float[Tensor, "n k"]:
    """Return the projections of single neurons."""
    return block.flatten(2)[owner, :, neuron]


def median(values: Float[Tensor, "*n k"]) -> Float[Tensor, "*n"]:
    """Return the median over the last dimension; of an even number, the mean of the two in the middle.

    The lower one alone, which torch returns, would bias the estimate by up to 14 % (k = 10). Gradients reach the one or
    two middle values.
    """
    lower = values.median(-1, keepdim=True).values
    if values.shape[-1] % 2:
        return lower[..., 0]
    upper = torch.where(values > lower, values, math.inf).min(-1).values
    return (lower[..., 0] + upper) * 0.5
