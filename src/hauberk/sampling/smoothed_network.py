"""A network that answers by a vote under noise."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.accepted import inputs
from hauberk.concepts.noise import require_seed
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.kernels.full_precision import full_precision
from hauberk.ranges import Checked, Count, OpenShare
from hauberk.sampling.averaged import Averaged
from hauberk.sampling.binomial import leader
from hauberk.sampling.poll import Poll, require_own_rows, require_rows, streams
from hauberk.sampling.requirements import require_counts, require_failure

PREDICTION, SELECTION, ESTIMATION = range(3)
"""Purposes of votes: each has noise of its own."""


@dataclass(frozen=True)
class Smoothing(Checked):
    """The way in which a network is smoothed, and answers are estimated from votes.

    Args:
        noise: is added to inputs.
        samples: votes for a prediction.
        alpha: the probability with which a prediction may be wrong.
        seed: seeds the noise, an integer of 64 bits; choose it without regard to network and inputs.
        attacked: the samples that attacks average over.
        rows: the number of noisy inputs per pass.

    Raises:
        InputError: a number is out of range, or the noise is none.
    """

    noise: SmoothingNoise
    samples: Count = 1000
    alpha: OpenShare = 0.001
    seed: int = 0
    attacked: Count = 32
    rows: Count = 1024

    def __post_init__(self) -> None:
        require_failure(self.alpha)
        require_rows(self.rows)
        require_counts(samples=self.samples, attacked=self.attacked)
        if not isinstance(self.noise, SmoothingNoise):
            raise InputError(f"noise is one of hauberk.smoothing, such as Gaussian(0.25), but is {self.noise!r}.")
        require_seed(self.seed)


@dataclass(frozen=True)
class SmoothedNetwork(AttackableSubject):
    """The classifier that answers with the class that a network, under noise, gives most often.

    Its answer is estimated from votes: `predict` abstains where the first two classes cannot be told apart. An input's
    noise depends on the seed and the input alone, so neither batch nor order nor process changes an answer. The network
    votes in eval mode.

    Args:
        network: the network that is smoothed; a normalisation belongs inside.
        by: noise and numbers of votes.

    Source: Cohen et al. 2019, PREDICT; Hung & Fithian 2019.
    """

    network: nn.Module
    by: Smoothing
    kind = "smoothed network"

    @property
    def doubt(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.by.alpha

    captured = UnsupportedOpError("a smoothed network has no graph: bounds speak of the network that it smooths.")

    @cached_property
    def module(self) -> nn.Module:
        """The logarithm of the mean softmax over fixed noise: what attacks see."""
        return Averaged(self.network, self.by.noise, self.by.attacked, self.by.seed)

    @full_precision()
    def votes(self, x: Float[Tensor, "b *x"], purpose: int, samples: int, first: int = 0) -> Int[Tensor, "b classes"]:
        """Return the votes of samples drawn for a purpose.

        Raises:
            ShapeError: x is no batch of floating-point inputs.
            UnsupportedOpError: the network mixes the examples of a batch, or draws random numbers.
        """
        x = inputs(x)
        if len(x) and purpose != ESTIMATION:  # which always follows a selection for the same inputs
            require_own_rows(self.network, self.by.noise, x)
        poll = Poll(self.network, self.by.noise, self.by.rows)
        return poll.votes(x, streams(x, self.by.seed).fold(purpose), samples, first)

    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        """Return the labels; -1 where the vote does not tell the first two classes apart, as for NaN."""
        label, sure = leader(self.votes(x, PREDICTION, self.by.samples), self.by.alpha)
        return torch.where(sure, label, -1)

    def judged(self, x: Float[Tensor, "b *x"]) -> tuple[Int[Tensor, "b"], Float[Tensor, "b classes"]]:
        return self.predict(x), self.module(x)

    def refuted(self, x: Float[Tensor, "b *x"], y: Int[Tensor, "b"]) -> Bool[Tensor, "b"]:
        """Return a mask of the inputs for which another class leads beyond doubt; abstaining refutes nothing."""
        label = self.predict(x)
        return (label != y) & (label >= 0)
