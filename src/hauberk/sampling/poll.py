"""Votes of a network for inputs under noise."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.accepted import called
from hauberk.concepts.noise import Noise
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.concepts.subject import labels_of
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.kernels.closeness import alike
from hauberk.kernels.modes import eval_mode
from hauberk.kernels.splitmix import GOLDEN, mixed

BLOCK = 64
"""Votes on one input that stand together in a pass. CPU kernels treat rows in groups whose number divides it, so
that a row's logits have the same bits whatever else is in the pass, on all networks tried."""


def streams(x: Float[Tensor, "b *x"], seed: int) -> Noise:
    """Return random streams that depend on the seed and on each input's own numbers alone.

    The answer to an input is then the same in any batch, order, process and precision that holds its numbers. Inputs
    that are equal share their noise.
    """
    flat = x.detach().flatten(1)
    places = torch.arange(1, flat.shape[1] + 1, device=x.device) * GOLDEN
    numbers = (part.double() + 0.0 for part in flat.split(BLOCK))  # -0 becomes 0
    return Noise.of(seed, torch.cat([mixed(part.view(torch.int64) + places).sum(1) for part in numbers]))


@dataclass(frozen=True)
class Poll:
    """A poll of a network in eval mode: passes of a fixed shape, in which inputs share the rows.

    Costs the passes, about a twentieth more for a small network's noise, and a few tensors of a pass's size. Nothing
    waits for the device.

    Args:
        network: gives the votes, the largest logit of each row. Rows whose logits are not finite vote for none, nor do
            those of an input that is not finite.
        noise: is added to the inputs.
        rows: the number of noisy inputs per pass, a multiple of 64.

    Raises:
        InputError: rows is not a positive multiple of 64.
    """

    network: nn.Module
    noise: SmoothingNoise
    rows: int = 1024

    def __post_init__(self) -> None:
        require_rows(self.rows)

    @torch.no_grad()
    def votes(self, x: Float[Tensor, "b *x"], streams: Noise, samples: int, first: int = 0) -> Int[Tensor, "b classes"]:
        """Return how many of these samples of noise let each input be labelled as each class.

        Args:
            x: the inputs.
            streams: their noise; sample i is the same in every call.
            samples: the number of samples.
            first: the first one.

        Raises:
            InputError: there is no input or no sample.
            ShapeError: the network gives something else than logits.
        """
        flat, b, blocks = x.detach().flatten(1), len(x), -(-samples // BLOCK)
        place, seeds = torch.arange(self.rows, device=x.device), mixed(streams.keys)
        finite = flat.isfinite().all(1)
        found: Tensor | None = None
        with eval_mode(self.network):
            for start in range(0, b * blocks, self.rows // BLOCK):
                block = start + place // BLOCK
                image, sample = block // blocks, block % blocks * BLOCK + place % BLOCK
                counted = (image < b) & (sample < samples)
                image = image.clamp(max=b - 1)
                counted &= finite[image]
                rows = self.noise.rows(flat, image, mixed(seeds[image] + (first + sample + 1) * GOLDEN))
                label, classes = self.labelled(rows.view(self.rows, *x.shape[1:]))
                if found is None:  # a column more, for rows that vote for none
                    found = torch.zeros(b, classes + 1, dtype=torch.int64, device=x.device)
                cells = image * found.shape[1] + label % found.shape[1]
                found.view(-1).scatter_add_(0, cells, counted.long())
        if found is None:
            raise InputError(f"a poll needs inputs and samples, but there are {b} and {samples}.")
        return found[:, :-1]

    def labelled(self, rows: Float[Tensor, "r *x"]) -> tuple[Int[Tensor, "r"], int]:
        """Return the labels of noisy inputs, -1 where logits are not finite, and the number of classes."""
        logits = called(self.network, rows)
        return labels_of(logits), logits.shape[1]


def require_rows(rows: int) -> None:
    """Raise unless a number of rows is a positive multiple of a block."""
    if rows < BLOCK or rows % BLOCK:
        raise InputError(f"rows of a pass must be a positive multiple of {BLOCK}, but is {rows}.")


@torch.no_grad()
def require_own_rows(network: nn.Module, noise: SmoothingNoise, x: Float[Tensor, "b *x"]) -> None:
    """Raise if an input's logits change with the rest of the batch or from call to call: votes would depend on it.

    Of four passes of the smallest input, the second repeats the first, and the others change every second row and all
    rows of the second half: rows that are mixed with neighbours or at equal distances notice the one or the other.

    Raises:
        UnsupportedOpError: they do.
        ShapeError: the network gives something else than logits.
    """
    flat, place = x.detach().flatten(1), torch.arange(BLOCK, device=x.device)
    size = flat.abs().amax(1).nan_to_num(nan=math.inf)  # a huge input would hide all others
    rows = noise.rows(flat, size.argmin().expand(BLOCK), Noise.of(0, place).keys).view(BLOCK, *x.shape[1:])
    with eval_mode(network):
        first, again = called(network, rows), called(network, rows)
        same = alike(first, again)
        for kept in (place % 2 == 0, place < BLOCK // 2):
            changed = torch.where(kept.view(-1, *(1,) * (x.ndim - 1)), rows, 2 * rows + 1)
            same &= alike(first[kept], called(network, changed)[kept])
    if not same:
        raise UnsupportedOpError(
            "the network's logits for an input change with the rest of the batch, or from call to call, in eval mode "
            "(batch norm without running statistics, functional dropout): its votes would not be independent."
        )
