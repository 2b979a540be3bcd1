"""An attack on only those examples that come close."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.loss import lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Positive


@dataclass(frozen=True)
class NearMisses(Attack):
    """A short attack on all examples, and a long one on those whose margin it reduced far enough.

    The successes of a long attack are among those: of 521 digits that withstood PGD and APGD on an MNIST network
    trained for l_inf, Square broke 11, all of them among the 63 whose margin APGD had reduced the most, to 0.35 of the
    clean margin or less.

    Args:
        probe: the short attack; its answer stands where the long one is not run.
        attack: the long attack.
        share: the share of the clean margin below which the long attack is run.

    Raises:
        InputError: share is not positive.
    """

    probe: Attack
    attack: Attack
    share: Positive = 0.45

    @property
    def outdone(self) -> tuple[Attack, ...]:
        return (self.probe,)

    @property
    def black_box(self) -> bool:
        return self.probe.black_box and self.attack.black_box

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        answer = self.probe(network, S, y, noise=noise).clone()  # the answer may be the set's own start
        with torch.no_grad():
            before, after = (lead(network(S.decode(z)), y) for z in (S.start, answer))
        near = ((after < 0) & (after > self.share * before)).nonzero()[:, 0]
        if len(near):
            own = noise.select(near).fold(-1)  # other numbers than those that the probe has drawn
            answer[near] = self.attack(network, S.select(near), y[near], noise=own)
        return answer
