"""Projected gradient descent, for any set."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.subject import errs
from hauberk.ranges import Count, Natural, PartialShare, Positive
from hauberk.searches.growth import Growth
from hauberk.searches.search import Search
from hauberk.searches.start import RandomMember, Start


@dataclass(frozen=True)
class PGD(SteerableAttack):
    """Projected steepest ascent.

    Args:
        loss: the loss to ascend.
        steps: the number of forward-backward passes.
        step: the length of a step in the set's unit of steps: its radius, for balls in a norm.
        stop_when_broken: True, for evaluation: answer with a misclassified point if one was met, or else with the point
            of largest loss. False, for adversarial training: answer with the last point, whatever its loss.
        momentum: the share of the sum of past directions that each new one is added to; a gradient is first divided by
            its l_1 norm. 0: follow the gradient alone.
        samples: the number of passes that each step averages over, for a network that draws random numbers.
        start: the starting point.
        growth: lets the radius grow from step to step; None: each step may use all of it.

    Raises:
        InputError: step or samples is not positive.

    Example:
        >>> import torch
        >>> from hauberk.attacks import PGD
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.threats import LinfBall
        >>> def network(x):  # class 0 where the pixels sum to more than 0.5
        ...     return torch.stack([x.sum(1), 1 - x.sum(1)], 1)
        >>> x, y = torch.tensor([[0.3, 0.3], [0.9, 0.9]]), torch.tensor([0, 0])
        >>> S = LinfBall(0.1).at(x)
        >>> z = PGD(CrossEntropy(), steps=10, step=0.5)(network, S, y, noise=Noise.of(0, torch.arange(2)))
        >>> network(z).argmax(1) != y, S.contains(z)
        (tensor([ True, False]), tensor([True, True]))

    Sources: Madry et al. 2018; steepest step: Wong 2020, eq. 2.6; momentum: Dong et al. 2018; growing
    radius: Wong, Schmidt & Kolter 2019.
    """

    loss: AdversarialLoss
    steps: Natural = 40
    step: Positive = 0.05
    stop_when_broken: bool = True
    momentum: PartialShare = 0.0
    samples: Count = 1
    start: Start = field(default_factory=RandomMember)
    growth: Growth | None = None

    @staticmethod
    def cases() -> Cases:
        return {"momentum": [0.0, 1.0], "samples": [1, 2], "growth": [None, Growth(0.5, 1.5, 2)]}

    @property
    def steady(self) -> bool:
        return not self.stop_when_broken

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        search, ball = Search(S, y, target, noise), self.grown(S, 0)
        z, length = self.start(ball, noise.fold(0)), self.step * ball.step_unit
        direction = torch.zeros_like(z)
        for step in range(self.steps):
            found = ascent(self.loss, network, search.S, z, search.y, search.target, self.samples)
            gradient = found.gradient
            if self.momentum:
                size = gradient.flatten(1).abs().sum(1).clamp(min=torch.finfo(z.dtype).tiny)
                gradient = direction = self.momentum * direction + gradient / per_example(size, z)
            if self.stop_when_broken:
                search.meet(found.misses(search.y), z, found.loss)
                z, direction, gradient = search.pack(z, direction, gradient)
                if not len(search):
                    break
            if (now := self.grown(search.S, step)) is not ball:
                ball, length = now, self.step * now.step_unit
            z = ball.project(ball.steepest_step(z, gradient, length, search.noise.fold(step + 1)))
        if self.stop_when_broken and len(search):
            with torch.no_grad():
                logits = network(search.S.decode(z))
                loss = self.loss(logits, search.y, search.target)
            search.meet(errs(logits, search.y), z, loss)
        z = search.answers(None if self.stop_when_broken else z)
        self.start.remember(S, z)
        return z

    def grown(self, S: PerturbationSet, step: int) -> PerturbationSet:
        """Return the set that a step may use."""
        return S if self.growth is None else S.resized(self.growth.share(step) * S.radius)
