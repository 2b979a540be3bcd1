"""Validation in training: on held-out examples, and under an attack stronger than the training's own."""

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from hauberk.concepts.attack import Attack
from hauberk.concepts.objective import ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.concepts.subject import labels_of
from hauberk.training.batches import Batches
from hauberk.training.completeness import incomplete
from hauberk.training.journal import Record, Tally
from hauberk.training.judged import Judged, statistics_kept
from hauberk.training.team import Team


class Validation:
    """Validation of a network at the end of an epoch, at the full radius; only the network's mode changes.

    Args:
        judged: the objective's view of the network.
        threat: the threat, at the full radius.
        batches: the examples.
        team: the processes.
    """

    def __init__(self, judged: Judged, threat: ThreatModel, batches: Batches, team: Team) -> None:
        self.judged, self.network = judged, judged.network
        self.threat, self.batches, self.team = threat, batches, team

    @incomplete()
    def held_out(self, step: int, progress: Progress, judge: Attack | None) -> Record:
        """Return the accuracies on the held-out examples, in eval mode; empty if none are held out."""
        examples = self.batches.held_out
        if not len(examples):
            return {}
        self.network.eval()
        tally, progress = Tally(self.team.device), replace(progress, radius_share=1.0)
        for index in examples.to(self.team.device).split(self.batches.plan.phases[0].batch):
            mine = self.team.share(index)
            if len(mine):
                tally.add(self.judgement(step, mine, progress, judge), len(mine))
        return {f"validation_{name}": value for name, value in tally.averages(self.team).items()}

    def judgement(self, step: int, index: Int[Tensor, "b"], progress: Progress, judge: Attack | None) -> ObjectiveValue:
        """Return the verdict of the objective, and of the judge if there is one, on some examples."""
        x, y, noise = self.batches.examples(step, index, augmented=False)
        threat = self.threat.select(index, self.batches.shape)
        with torch.no_grad():
            value = self.judged(x, y, threat, progress, noise)
            correct = labels_of(self.network(x)) == y if value.correct is None else value.correct
        if judge is None:
            return replace(value, correct=correct)
        S = threat.at(x)
        z = judge(self.network, S, y, noise=noise)
        with torch.no_grad():
            robust = correct & (labels_of(self.network(S.decode(z))) == y)
        return replace(value, correct=correct, robust=robust)

    @incomplete()
    def withstood(self, step: int, attack: Attack) -> float:
        """Return the share of a step's examples that withstand an attack, in training mode."""
        mine, weight = self.team.part(self.batches.of(step))
        x, y, noise = self.batches.examples(step, mine)
        S, tally = self.threat.select(mine, self.batches.shape).at(x), Tally(self.team.device)
        with statistics_kept(self.network), self.team.statistics(weight):
            z = attack(self.network.train().__call__, S, y, noise=noise)
            with torch.no_grad():
                robust = labels_of(self.network(S.decode(z))) == y
        if weight:
            tally.add(ObjectiveValue(robust.double().mean(), None, robust), len(mine))
        return tally.averages(self.team)["robust"]
