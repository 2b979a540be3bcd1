"""Random projections of a value's generators: a fixed number of rows, however many generators there are."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.relaxation import Placed, Relaxation
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.kernels.blocks import relax_blocks
from hauberk.kernels.layout import channels_last, from_order, in_order
from hauberk.propagation.forward_pass import Carrier, Form

GAUSSIAN, CAUCHY = 0, 1


@dataclass(frozen=True)
class Projections(Carrier):
    """A carrier of random combinations of the generators, whose sizes estimate the spread of a value.

    Block CAUCHY combines the generators of relaxations and of a box. Where generators of lengths v_1, v_2, ... meet in
    an element, it holds `rows` Cauchy variables of scale |v_1| + |v_2| + ...: a sum of Cauchy variables is again one,
    so that all generators share one block. Block GAUSSIAN combines the generators of an l2 ball in the same way, into
    normal variables of standard deviation (v_1^2 + v_2^2 + ...)^(1/2).

    Args:
        S: the sets: boxes or l2 balls.
        rows: the number of random combinations.
        source: one common stream, or one per example.
    """

    S: CertifiableSet
    rows: int
    source: Noise

    def start(self) -> Form:
        S, shape = self.S, (self.rows, *self.S.start.shape[1:])
        source, dtype = self.source.fold(0), S.start.dtype
        if S.is_box:
            box = S.bounding_box()
            return Form(box.center, {CAUCHY: cauchy(source, shape, dtype) * box.radius.unsqueeze(1)})
        radius = S.radius.view(-1, *(1,) * len(shape))
        return Form(S.start, {GAUSSIAN: source.normal(shape, dtype) * radius})

    def noise(self, index: int, half: Float[Tensor, "b *z"]) -> dict[int, Float[Tensor, "b k *z"]]:
        drawn = cauchy(self.source.fold(index), (self.rows, *half.shape[1:]), half.dtype)
        return {CAUCHY: drawn * half.unsqueeze(1)}

    def relaxed(
        self, blocks: dict[int, Float[Tensor, "b k *z"]], lines: Relaxation, half: Float[Tensor, "b *out"], index: int
    ) -> dict[int, Float[Tensor, "b k *out"]]:
        if CAUCHY not in blocks or isinstance(lines, Placed):
            return super().relaxed(blocks, lines, half, index)
        others = {key: lines.push(block) for key, block in blocks.items() if key != CAUCHY}
        block, shape = blocks[CAUCHY], tuple(half.shape[1:])
        drawn, last = cauchy(self.source.fold(index), (self.rows, *shape), half.dtype), channels_last(block, 2)
        slope, half = in_order(lines.upper_slope, last), in_order(half, last)
        found = relax_blocks(in_order(block, last, 2), slope, in_order(drawn, last, 2), half)
        return others | {CAUCHY: from_order(found, shape, last)}

    def magnitude(self, form: Form) -> Float[Tensor, "b *z"]:
        """Return |center| plus an estimate of the generators' sum of absolute values."""
        magnitude = form.center.abs()
        if GAUSSIAN in form.blocks:
            magnitude = magnitude + form.blocks[GAUSSIAN].square().mean(1).sqrt()
        if CAUCHY in form.blocks:
            magnitude = magnitude + form.blocks[CAUCHY].abs().log().mean(1).exp()
        return magnitude


def stream(S: CertifiableSet, noise: Noise | None) -> Noise:
    """Return the stream that all examples share, provided that the set has projections.

    Raises:
        InputError: `noise` is None.
        UnsupportedSetError: the set is neither a box nor an l2 ball.
    """
    if noise is None:
        raise InputError("random projections need noise: pass noise=Noise.of(seed, examples).")
    if not (S.is_box or (isinstance(S, NormBall) and S.p == 2)):
        raise UnsupportedSetError(
            f"{type(S).__name__} has no random projections: they are known for boxes and l2 balls."
        )
    return noise.common


def cauchy(noise: Noise, shape: tuple[int, ...], dtype: torch.dtype) -> Float[Tensor, "b k *z"]:
    """Return standard Cauchy variables."""
    return torch.tan((noise.uniform(shape, dtype) - 0.5) * math.pi)


def chosen(block: Float[Tensor, "b k *z"], owner: Tensor, neuron: Tensor) -> Float[Tensor, "n k"]:
    """Return the projections of single neurons, which are numbered with channels first."""
    last = channels_last(block, 2)
    if last:
        channels, height, width = block.shape[2:]
        neuron = neuron % (height * width) * channels + neuron // (height * width)
    return in_order(block, last, 2)[owner, :, neuron]
