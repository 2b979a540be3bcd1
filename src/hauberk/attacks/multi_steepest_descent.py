"""Multi steepest descent over a union of perturbation sets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, ascent
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.errors import InputError
from hauberk.ranges import Natural, Positive
from hauberk.searches.search import Search
from hauberk.searches.start import Start, Unperturbed
from hauberk.sets.union_set import chosen, members_of


@dataclass(frozen=True)
class MultiSteepestDescent(Attack):
    """Steepest ascent in which every member of a union takes its own step, and the point of largest loss goes on.

    Each step costs a forward-backward pass, and a forward pass for each member. A set that is not a union is its own
    only member; this is then PGD.

    Args:
        loss: the loss to ascend.
        steps: the number of steps.
        step: the length of a step in the member's unit of steps, its radius for balls in a norm: one number for all
            members, or one for each.
        best_of_steps: True: answer with the point of largest loss over all steps (the released code); False: with the
            last point (the thesis).
        stop_when_broken: as in `PGD`.
        start: the starting point.

    Raises:
        InputError: a step is not positive, or there are not as many steps as members.

    Source: Maini, Wong & Kolter 2020; Wong 2020, Alg. 9.
    """

    loss: AdversarialLoss
    steps: Natural = 50
    step: Positive | Sequence[Positive] = 0.05
    best_of_steps: bool = True
    stop_when_broken: bool = True
    start: Start = field(default_factory=Unperturbed)

    @staticmethod
    def cases() -> Cases:
        return {"step": [0.3]}

    @property
    def steady(self) -> bool:
        return not self.stop_when_broken

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        search, count = Search(S, y, None, noise), len(members_of(S))
        lengths = list(self.step) if isinstance(self.step, Sequence) else [self.step] * count
        if len(lengths) != count:
            raise InputError(f"one step for each member: the union has {count}, but {len(lengths)} steps are given.")
        z = best = self.start(S, noise.fold(0))
        best_loss = torch.full_like(S.radius, -inf)
        for step in range(self.steps):
            found = ascent(self.loss, network, search.S, z, search.y)
            gradient = found.gradient
            if self.stop_when_broken:
                search.meet(found.misses(search.y), z)
                z, gradient, best, best_loss = search.pack(z, gradient, best, best_loss)
                if not len(search):
                    break
            points = []
            for number, (member, length) in enumerate(zip(members_of(search.S), lengths, strict=True)):
                own = search.noise.fold(1 + step * count + number)
                points.append(member.project(member.steepest_step(z, gradient, length * member.step_unit, own)))
            losses = self.losses(network, search, points)
            loss, number = losses.max(0)
            z = chosen(torch.stack(points), number)
            better = loss > best_loss
            best, best_loss = torch.where(per_example(better, z), z, best), torch.where(better, loss, best_loss)
        z = search.answers(best if self.best_of_steps else z)
        self.start.remember(S, z)
        return z

    def losses(self, network: Network, search: Search, points: list[Tensor]) -> Float[Tensor, "m s"]:
        """Return the loss at each member's point, in one forward pass; a single point needs none."""
        if len(points) == 1 and not self.best_of_steps:
            return torch.zeros(1, len(search), dtype=points[0].dtype, device=points[0].device)
        with torch.no_grad():
            logits = network(torch.cat([search.S.decode(z) for z in points]))
            return self.loss(logits, search.y.repeat(len(points))).view(len(points), -1)
