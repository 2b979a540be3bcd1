"""Validation in training: on held-out examples, and under an attack stronger than the training's own."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hauberk.concepts.attack import Attack
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import ObjectiveValue
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.concepts.subject import labels_of
from hauberk.kernels.modes import set_eval
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
        set_eval(self.network)
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
        return replace(value, correct=correct, robust=correct & self.survivors(threat.at(x), y, judge, noise))

    @incomplete()
    def tested(self, step: int, test: Split | None, judge: Attack | None) -> Record:
        """Return the accuracies on test examples, in eval mode; empty if nobody judges them.

        The objective takes no part, so that nothing it remembers can depend on them.
        """
        if test is None or judge is None:
            return {}
        set_eval(self.network)
        tally, behind = Tally(self.team.device), len(self.batches.data)  # of the noise of training examples
        for index in torch.arange(len(test), device=self.team.device).split(self.batches.plan.phases[0].batch):
            mine = self.team.share(index)
            if not len(mine):
                continue
            x, y = test.batch(mine)
            noise = Noise.of(self.batches.seed, behind + mine).fold(step).fold(1)
            with torch.no_grad():
                correct = labels_of(self.network(x)) == y
            S = self.threat.select(mine, test.inputs.shape).at(x)
            robust = correct & self.survivors(S, y, judge, noise)
            tally.add(ObjectiveValue(robust.double().mean(), correct, robust), len(mine))
        averages = tally.averages(self.team)
        return {f"test_{name}": averages[name] for name in ("clean", "robust")}

    def survivors(self, S: PerturbationSet, y: Int[Tensor, "b"], attack: Attack, noise: Noise) -> Bool[Tensor, "b"]:
        """Return which examples withstand an attack, in the network's present mode."""
        z = attack(self.network.__call__, S, y, noise=noise)
        with torch.no_grad():
            return labels_of(self.network(S.decode(z))) == y

    @incomplete()
    def withstood(self, step: int, attack: Attack) -> float:
        """Return the share of a step's examples that withstand an attack, in training mode."""
        mine, weight = self.team.part(self.batches.of(step))
        x, y, noise = self.batches.examples(step, mine)
        tally = Tally(self.team.device)
        with statistics_kept(self.network), self.team.statistics(weight):
            self.network.train()
            robust = self.survivors(self.threat.select(mine, self.batches.shape).at(x), y, attack, noise)
        if weight:
            tally.add(ObjectiveValue(robust.double().mean(), None, robust), len(mine))
        return tally.averages(self.team)["robust"]
