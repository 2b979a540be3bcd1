"""Mean-shift normalisation."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Diagonal
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.kernels.mean_shift import mean_shift, observed_mean


@dataclass(frozen=True)
class MeanShift(Diagonal):
    """z - mean per channel.

    Args:
        mean: the mean per channel, running or of a batch.
        momentum: the share of a new batch in the running mean.
        space: the number of dimensions after the channels.
    """

    mean: Float[Tensor, "c"]
    momentum: float
    space: int
    roundings = 1

    @property
    def scale(self) -> Float[Tensor, ""]:
        return self.mean.new_ones(())

    @property
    def shift(self) -> Float[Tensor, "c ..."]:
        return -self.mean.view(-1, *(1,) * self.space)

    def __call__(self, z: Tensor) -> Tensor:
        return z + self.shift

    def observe(self, z: Float[Tensor, "b c *s"]) -> "MeanShift":
        """Return the op with the batch's mean, and move the running one."""
        return replace(self, mean=observed_mean(z, self.mean, self.momentum))


MEAN = torch.linspace(-1, 2, 4).double()


def centred(x: Tensor) -> Tensor:
    """Return the mean shift of a case for laws."""
    return mean_shift(x, MEAN, 0.1)


@lowers(torch.ops.hauberk.mean_shift.default, case=centred)
def lower_mean_shift(z: Value, mean: Stored, momentum: float, *, shape: tuple[int, ...]) -> Lowered:
    """Lower the mean shifts of l_inf-distance networks."""
    return Lowered(partial(MeanShift, momentum=momentum, space=len(shape) - 1), (z,), (mean,))
