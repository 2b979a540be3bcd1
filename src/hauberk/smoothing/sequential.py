"""Certification by as many votes as are needed."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray
from torch import Tensor

from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.errors import InputError
from hauberk.ranges import Count, NonNegative, OpenShare, Positive
from hauberk.sampling.betting import NEAR_ZERO, Counts, Floats, above, capital
from hauberk.sampling.certification import Certification
from hauberk.sampling.poll import BLOCK
from hauberk.sampling.requirements import require_counts, require_failure, require_reals, require_several
from hauberk.sampling.smoothed_network import ESTIMATION, SmoothedNetwork

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sequential(Certification):
    """A bound of the leading class's share that holds at all times at once, so that each input stops by itself.

    It stops when every radius of interest is either proven or hopeless. Without such radii, it stops when twice as many
    votes raised the radius by less than `gain`. The certificate's probability of failure is that of a fixed sample,
    however many radii are read off it. Most inputs take some hundred votes; those close to a radius take the most. A
    radius is hopeless, too, if a hit at every vote that is left would not prove it.

    Waits for the device once a look, of which there are at most log(samples) / log(1.1).

    Args:
        samples: the most votes.
        radii: radii of interest, in units of the input, besides the set's own.
        selection: the votes that pick the class.
        alpha: the probability, for each input, with which its certificate may be wrong.
        doubt: the probability with which a radius may wrongly be given up; no certificate depends on it.
        gain: the share of the radius that twice as many votes must add.
        name: the verifier's name in records.

    Raises:
        InputError: a number is out of range.
    """

    samples: Count = 100_000
    radii: tuple[NonNegative, ...] = ()
    selection: Count = 100
    alpha: OpenShare = 0.001
    doubt: OpenShare = 0.01
    gain: Positive = 0.05
    name: str = "smoothing, sequential"

    def __post_init__(self) -> None:
        require_failure(self.alpha)
        require_counts(samples=self.samples, selection=self.selection)
        require_reals(doubt=self.doubt, gain=self.gain)
        if not 0 < self.doubt < 1 or not 0 < self.gain < math.inf:
            raise InputError(
                f"Sequential needs doubt between 0 and 1 and gain > 0, but they are {self.doubt}, {self.gain}."
            )
        require_several(radii=self.radii)
        require_reals(**{f"radius {number + 1} of interest": radius for number, radius in enumerate(self.radii)})
        if not all(0 <= radius < math.inf for radius in self.radii):
            raise InputError(f"radii of interest are at least 0, in units of the input, but are {self.radii}.")

    def bounded(
        self,
        subject: SmoothedNetwork,
        x: Float[Tensor, "b *x"],
        classes: Int[Tensor, "b k"],
        wanted: Float64[Tensor, "b r"],
    ) -> tuple[Float64[Tensor, "b"], Int[Tensor, "b"], Int[Tensor, "b"]]:
        radii = torch.tensor(self.radii, dtype=torch.float64).expand(len(x), -1)
        asked = torch.cat([wanted.cpu(), subject.by.noise.share(radii)], 1).numpy()
        race = Race(asked, self) if asked.shape[1] else Climb(len(x), subject.by.noise, self)
        left, done = np.arange(len(x)), 0
        while len(left) and done < self.samples:
            size = min(self.samples - done, BLOCK * max(1, round(done * (race.growth - 1) / BLOCK)))
            own = torch.from_numpy(left).to(x.device)
            votes = subject.votes(x[own], ESTIMATION, size, done).gather(1, classes[own]).sum(1)
            done += size
            left = left[race.look(left, votes.cpu().numpy(), done)]
        share, drawn, hits = (torch.from_numpy(part).to(x.device) for part in race.outcome())
        return share, drawn, hits


class Race:
    """Votes for inputs that each have shares to prove or to give up.

    Args:
        asked: the shares; each is asked for with a little more, so that rounding takes no radius that it proves away.
        rule: says how often proofs may fail and shares be given up wrongly, and how many votes there are at most.
    """

    growth = 1.1

    def __init__(self, asked: Floats, rule: Sequential) -> None:
        self.asked, self.rule, self.alpha = asked + 1e-7 * (1 - asked), rule, rule.alpha
        self.open = np.ones_like(asked, dtype=bool)
        self.share = np.zeros(len(asked))
        self.hits, self.drawn = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)

    def look(self, own: Counts, votes: Counts, done: int) -> Flags:
        """Take the latest votes for some inputs, and return a mask of those that need more."""
        self.hits[own] += votes
        self.drawn[own] = done
        hits, samples, asked = self.hits[own, None], np.array(done), self.asked[own]
        proven = capital(hits, samples, asked) >= -math.log(self.alpha)
        hopeless = capital(samples - hits, samples, 1 - asked, NEAR_ZERO) >= -math.log(self.rule.doubt)
        most = np.array(self.rule.samples)
        hopeless |= capital(hits + most - done, most, asked) < -math.log(self.alpha)
        self.share[own] = np.maximum(self.share[own], (proven * asked).max(1))
        self.open[own] &= ~(proven | hopeless)
        return np.any(self.open[own], axis=1)

    def outcome(self) -> tuple[Floats, Counts, Counts]:
        """Return the best lower bounds of the shares, the votes drawn and the hits."""
        return np.maximum(self.share, above(self.hits, self.drawn, self.alpha)), self.drawn, self.hits


class Climb(Race):
    """Votes for inputs that go on as long as their radius grows, or may still become positive."""

    growth = 2.0

    def __init__(self, inputs: int, noise: SmoothingNoise, rule: Sequential) -> None:
        super().__init__(np.full((inputs, 1), 0.5), rule)
        self.noise = noise

    def look(self, own: Counts, votes: Counts, done: int) -> Flags:
        before = self.radius(self.share[own])
        undecided = super().look(own, votes, done)
        self.share[own] = np.maximum(self.share[own], above(self.hits[own], self.drawn[own], self.alpha))
        now = self.radius(self.share[own])
        return undecided | (now - before > self.rule.gain * now)

    def radius(self, share: Floats) -> Floats:
        """Return the radii that shares prove."""
        return self.noise.radius(torch.from_numpy(share)).clamp(min=0).numpy()
