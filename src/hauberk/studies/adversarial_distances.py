"""The distances at which attacks mislead."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from hauberk.concepts.attack import Attack, MinimumDistanceAttack, misclassified
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise, require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError
from hauberk.kernels.modes import eval_mode
from hauberk.ranges import Count
from hauberk.sampling.smoothed_network import SmoothedNetwork
from hauberk.searches.required import require_distance


@dataclass(frozen=True)
class AdversarialDistances(Study):
    """For each example and attack, the distance of the point that misled the subject.

    Every example counts: one that is misclassified unperturbed has the distance 0; one that an attack does not mislead
    within `reach` has that as its distance, a lower bound of what the attack would need. Medians and means follow from
    these conventions, which move means most. A smoothed network is attacked as the average of its softmax over fixed
    noise, and is misled where the average labels a point otherwise.

    Args:
        reach: the ball within which attacks search.
        attacks: by name.
        examples: the number of examples, from the first.
        batch: the number of examples at a time.
        seed: seeds the attacks' noise.

    Raises:
        InputError: there is no attack or no example.

    Source: Campbell, Finlay & Oberman, Adversarial Boot Camp, tables 3 and 5.
    """

    reach: ThreatModel
    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    examples: Count = 1000
    batch: Count = 100
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)
        if not self.attacks or min(self.examples, self.batch) < 1:
            raise InputError(
                f"AdversarialDistances needs attacks and examples, but has {list(self.attacks)}, {self.examples}, "
                f"{self.batch}."
            )

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        n, tables = min(self.examples, len(data)), []
        reach = self.reach.select(slice(0, n), data.inputs.shape)
        S = require_distance(reach.at(data.batch(slice(0, n))[0]), "AdversarialDistances")
        for index in torch.arange(n, device=data.labels.device).split(self.batch):
            y, own, noise = data.labels[index], S.select(index), Noise.of(self.seed, index)
            with eval_mode(subject.module):
                wrong = misclassified(subject.module, own, own.start, y)
                found = {name: attack(subject.module, own, y, noise=noise) for name, attack in self.attacks.items()}
                misses = {name: misclassified(subject.module, own, z, y) for name, z in found.items()}
            for name, z in found.items():
                misled = misses[name] & (own.distance(z) <= own.radius)
                distance = torch.where(misled, own.distance(z), own.radius)
                columns: dict[str, Tensor] = {
                    "index": index,
                    "label": y,
                    "misled": misled,
                    "distance": torch.where(wrong, 0, distance).double(),
                }
                table = pl.DataFrame({name: column.tolist() for name, column in columns.items()})
                tables.append(table.with_columns(attack=pl.lit(name)))
        return Findings(pl.concat(tables), {"reach": self.reach.name, "subject": said(subject), "norm": S.metric})


def said(subject: AttackableSubject) -> str:
    """Return what is attacked, in words."""
    if isinstance(subject, SmoothedNetwork):
        return f"mean softmax over {subject.by.attacked} samples of {subject.by.noise.name}, not the vote"
    return subject.kind
