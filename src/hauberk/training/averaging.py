"""Averages of a network's weights over the course of training."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from hauberk.ranges import Checked, PartialShare, PositiveShare


@dataclass(frozen=True)
class WeightAveraging(Checked):
    """An average of the weights over a training run, which is validated, kept, and becomes the run's result.

    After every step the average moves towards the network by a share of the way, 1/n after the n-th step that it
    counts, but never less than 1 - decay: it is a plain mean at first and an exponential one later; with decay 1 it
    stays the plain mean (stochastic weight averaging).

    Running statistics of batch norms are averaged in the same way, so they remain those of all passes made in training,
    attacked ones included; statistics recomputed on clean images would not.

    Args:
        decay: the share of the average that every step leaves.
        begin: the share of all steps after which averaging begins; until then the network itself is used.

    Raises:
        InputError: decay or begin is out of range.

    Sources: Polyak & Juditsky 1992; Izmailov et al. 2018; with attacks: Gowal et al. 2020.
    """

    decay: PositiveShare = 0.999
    begin: PartialShare = 0.0


class Average:
    """The running average of a network's parameters and buffers; without `averaging`, the network itself.

    Args:
        network: the network in training.
        averaging: settings of the average; None to do without.
    """

    def __init__(self, network: nn.Module, averaging: WeightAveraging | None) -> None:
        self.network, self.averaging = network, averaging
        self.tensors: dict[str, Tensor] = {}
        """Empty until averaging begins."""

    def add(self, step: int, steps: int) -> None:
        """Add the network as it is after a step."""
        if self.averaging is None or step < math.ceil(self.averaging.begin * steps):
            return
        count = step + 1 - math.ceil(self.averaging.begin * steps)
        share = max(1 / count, 1 - self.averaging.decay)
        for name, now in self.held().items():
            if count == 1 or not (now.is_floating_point() or now.is_complex()):
                self.tensors[name] = now.clone()
            else:
                self.tensors[name].lerp_(now, share)

    def held(self) -> dict[str, Tensor]:
        """Return the network's own tensors, without what else its state dict may hold."""
        return {name: value for name, value in self.network.state_dict().items() if isinstance(value, Tensor)}

    def settle(self) -> None:
        """Load the average into the network for good."""
        if self.tensors:
            self.network.load_state_dict({**self.network.state_dict(), **self.tensors})

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Load the average into the network for the duration of the block."""
        own = {name: tensor.clone() for name, tensor in self.held().items()} if self.tensors else {}
        self.settle()
        try:
            yield
        finally:
            if own:
                self.network.load_state_dict({**self.network.state_dict(), **own})
