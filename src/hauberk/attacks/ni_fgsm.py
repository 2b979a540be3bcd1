"""Nesterov iterated FGSM, for any set."""

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
from hauberk.ranges import Natural, Positive, Share
from hauberk.searches.search import Search
from hauberk.searches.start import Start, Unperturbed


@dataclass(frozen=True)
class NIFGSM(SteerableAttack):
    """Steepest ascent with Nesterov's momentum: gradients are taken where the momentum is about to lead.

    The gradient at the point ahead, divided by its l_1 norm, is added to `momentum` times the sum so far; a steepest
    step then follows the sum. The point ahead is not projected, as published: it may leave the set a little.

    Args:
        loss: the loss to ascend.
        steps: the number of forward-backward passes.
        step: the length of a step in the set's unit of steps: its radius, for balls in a norm.
        momentum: the share of the sum of past directions that each new one is added to.
        stop_when_broken: True, for evaluation: answer with a misclassified point if one was met, or else with the point
            of largest loss, at the price of another forward pass a step. False, as published, and for training: answer
            with the last point, whatever its loss.
        start: the starting point.

    Raises:
        InputError: step is not positive.

    Example:
        >>> import torch
        >>> from hauberk.attacks import NIFGSM
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.threats import LinfBall
        >>> def network(x):  # class 0 where the first pixel is larger than the second
        ...     return x
        >>> S, y = LinfBall(0.25).at(torch.tensor([[0.75, 0.5]])), torch.tensor([0])
        >>> NIFGSM(CrossEntropy(), steps=2, step=0.25)(network, S, y, noise=Noise.of(0, torch.arange(1)))
        tensor([[0.6250, 0.6250]])

    Source: Lin et al. 2020.
    """

    loss: AdversarialLoss
    steps: Natural = 10
    step: Positive = 0.1
    momentum: Share = 1.0
    stop_when_broken: bool = True
    start: Start = field(default_factory=Unperturbed)

    @staticmethod
    def cases() -> Cases:
        return {"momentum": [1.0, 0.5]}

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
        search, z = Search(S, y, target, noise), self.start(S, noise.fold(0))
        direction = torch.zeros_like(z)
        for step in range(self.steps + 1):
            if self.stop_when_broken:
                with torch.no_grad():
                    logits = network(search.S.decode(z))
                    loss = self.loss(logits, search.y, search.target)
                search.meet(errs(logits, search.y), z, loss)
                z, direction = search.pack(z, direction)
                if not len(search):
                    break
            if step == self.steps:
                break
            ahead = z + per_example(self.step * search.S.stride, z) * self.momentum * direction
            gradient = ascent(self.loss, network, search.S, ahead, search.y, search.target).gradient
            size = gradient.flatten(1).abs().sum(1).clamp(min=torch.finfo(z.dtype).tiny)
            direction = self.momentum * direction + gradient / per_example(size, z)
            length = self.step * search.S.step_unit
            z = search.S.project(search.S.steepest_step(z, direction, length, search.noise.fold(step + 1)))
        z = search.answers(None if self.stop_when_broken else z)
        self.start.remember(S, z)
        return z
