"""Adam on the adversary's variable, for any set."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent, slope
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet, ordinary_set
from hauberk.concepts.radius import per_example
from hauberk.concepts.semantic_set import SemanticSet
from hauberk.kernels.gradients import gradients, ordinary
from hauberk.ranges import Natural, NonNegative, Positive
from hauberk.searches.required import refusal
from hauberk.searches.search import Search
from hauberk.searches.start import Start, Unperturbed

DECAYS = (0.9, 0.999)
"""The shares of the averages of gradients and of their squares that a step keeps."""


@dataclass(frozen=True)
class Adam(SteerableAttack):
    """Projected ascent by Adam, which may charge transformations for their roughness.

    Ascends loss - smoothness / radius * roughness, and answers with a misclassified point if one was met, or else with
    the point at which that was largest.

    Args:
        loss: the loss to ascend.
        steps: the number of forward-backward passes.
        rate: Adam's learning rate, in widths of the range of valid inputs; for transformations, in units of their own.
        smoothness: the charge for roughness; above 0 only for transformations, such as flows and changes of colour.
        start: the starting point.

    Raises:
        InputError: rate is not positive, or smoothness negative.
        UnsupportedSetError: on use, if the set has no roughness to charge for.

    Sources: Kingma & Ba 2015; Xiao et al. 2018 (StAdv); Laidlaw & Feizi 2019 (ReColor).
    """

    loss: AdversarialLoss
    steps: Natural = 100
    rate: Positive = 0.01
    smoothness: NonNegative = 0.0
    start: Start = field(default_factory=Unperturbed)

    @staticmethod
    def cases() -> Cases:
        return {"smoothness": [0.0, 0.0025]}

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        if self.smoothness and not isinstance(S, SemanticSet):
            raise refusal(S, "a charge for roughness is defined for transformations of the input, such as flows")
        search, z = Search(S, y, target, noise), self.start(S, noise.fold(0))
        mean, square = torch.zeros_like(z), torch.zeros_like(z)
        for step in range(self.steps + 1):
            found = ascent(self.loss, network, search.S, z, search.y, search.target)
            fare, fall = self.charged(search.S, z)
            search.meet(found.misses(search.y), z, found.loss - fare)
            gradient = (found.gradient - fall).nan_to_num(0, 0, 0) * per_example(search.S.unit, z)
            z, gradient, mean, square = search.pack(z, gradient, mean, square)
            if step == self.steps or not len(search):
                break
            mean.lerp_(gradient, 1 - DECAYS[0])
            square.mul_(DECAYS[1]).addcmul_(gradient, gradient, value=1 - DECAYS[1])
            shares = [1 - kept ** (step + 1) for kept in DECAYS]
            length = per_example(self.rate / shares[0] * search.S.unit, z)
            z = search.S.project(z + length * mean / (square.sqrt() / shares[1] ** 0.5 + 1e-8))
        return search.answers()

    def charged(self, S: PerturbationSet, z: Float[Tensor, "s *z"]) -> tuple[Tensor | float, Tensor | float]:
        """Return what is charged for the roughness of z, and the gradient of it."""
        if not self.smoothness or not isinstance(S, SemanticSet):
            return 0.0, 0.0
        with gradients():
            S, z = ordinary_set(S), ordinary(z.detach()).requires_grad_()
            least = torch.finfo(z.dtype).tiny ** 0.5  # below it, nothing rough is in reach
            price = torch.where(S.radius > least, self.smoothness / S.radius.clamp(min=least), 0)
            fare = price * S.roughness(z)
            return fare.detach(), slope(fare, z)
