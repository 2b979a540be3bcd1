"""Random searches in images that use only the network's logits."""

import math
from abc import abstractmethod
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.subject import errs
from hauberk.errors import ShapeError
from hauberk.ranges import Count, PositiveShare
from hauberk.searches.search import Search

HALVED = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""The shares of the planned changes after which the share of the pixels that a proposal changes is halved."""
BLOCK = 100
"""The number of queries whose random numbers are drawn at once: single draws would cost more than the proposals."""


@dataclass(frozen=True)
class QuerySearch(Attack):
    """A search that changes ever smaller random square windows of an image and keeps changes that increase the loss.

    Each example has its own windows, so that its answer does not depend on the rest of its batch.

    Args:
        loss: the loss to increase; the margin as published.
        queries: the number of changes tried on an image. As in the released code, one more network call shows the
            first point.
        p: the share of the image's pixels that a window covers at first; halved according to `HALVED`.
        planned: the number of changes that the halvings are planned for; 10,000 as published, whatever `queries` is.
            Fewer make windows small earlier.
        start: an attack from whose answers to begin; None for the search's own start. Random windows make progress
            where gradients are stuck: on six digits that 5,000 queries break now and then, they broke 74 of 96
            attempts from the answers of APGD (p = 0.3), 52 from stripes.

    Raises:
        InputError: `queries`, `p` or `planned` is not positive.

    Source: Andriushchenko et al. 2020, Alg. 1.
    """

    loss: AdversarialLoss
    queries: Count = 5000
    p: PositiveShare = 0.8
    planned: Count = 10_000
    start: Attack | None = None

    @property
    def outdone(self) -> tuple[Attack, ...]:
        return () if self.start is None else (self.start,)

    @property
    def black_box(self) -> bool:
        return self.start is None or self.start.black_box

    @abstractmethod
    def supported(self, S: PerturbationSet) -> NormBall:
        """Return the set if it is a ball for which the moves are defined.

        Raises:
            UnsupportedSetError: it is not.
        """

    @abstractmethod
    def numbers(self, channels: int) -> int:
        """Return the number of random numbers that a proposal takes."""

    @abstractmethod
    def first(self, S: NormBall, noise: Noise) -> Float[Tensor, "b c h w"]:
        """Return the points at which the search begins."""

    @abstractmethod
    def proposal(
        self, S: NormBall, z: Float[Tensor, "b c h w"], side: int, drawn: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, "b c h w"]:
        """Return z, changed in a window of about this side; `drawn` is uniform in (0, 1)."""

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return a member per example.

        Raises:
            ShapeError: the inputs are not images.
            UnsupportedSetError: the moves are not defined for this set.
        """
        ball = self.supported(S)
        if S.start.ndim != 4:
            shape = tuple(S.start.shape)
            raise ShapeError(f"{type(self).__name__} needs images (b, c, h, w), but the inputs have shape {shape}.")
        channels, height, width = S.start.shape[1:]
        given = self.start
        z = self.first(ball, noise.fold(0)) if given is None else given(network, S, y, noise=noise)
        search, drawn = Search(S, y, None, noise), S.start.new_empty(len(y), 0, 0)
        for query in range(self.queries + 1):
            candidate = z
            if query:
                z = search.best
                place = (query - 1) % BLOCK
                if place == 0:
                    drawn = search.noise.fold(query).uniform((BLOCK, self.numbers(channels)))
                share = self.p / 2 ** bisect_left(HALVED, (query - 1) / self.planned)
                side = min(max(1, round(math.sqrt(share * height * width))), height, width)
                candidate = self.proposal(self.supported(search.S), z, side, drawn[:, place])
            with torch.no_grad():
                logits = network(search.S.decode(candidate))
                loss = self.loss(logits, search.y)
            search.meet(errs(logits, search.y), candidate, loss)
            (drawn,) = search.pack(drawn)
            if not len(search):
                break
        return S.project(search.answers())  # all are members already, up to rounding


@lru_cache(64)
def square(channels: int, height: int, width: int, side: int, device: torch.device) -> Int[Tensor, "c n"]:
    """Return the flat indices of the image's first square of this side, channel by channel."""
    row, column = torch.arange(side, device=device)[:, None] * width, torch.arange(side, device=device)
    channel = torch.arange(channels, device=device)[:, None] * (height * width)
    return channel + (row + column).flatten()


def windows(z: Float[Tensor, "b c h w"], side: int, position: Float[Tensor, "b 2"]) -> Int[Tensor, "b n"]:
    """Return the flat indices of a square window in each image, channel by channel; `position` is uniform in (0, 1)."""
    channels, height, width = z.shape[1:]
    row, column = (position[:, :1] * (height - side + 1)).long(), (position[:, 1:] * (width - side + 1)).long()
    corner = row * width + column
    return corner + square(channels, height, width, side, z.device).flatten()
