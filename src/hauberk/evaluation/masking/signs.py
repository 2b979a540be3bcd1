"""All signs of gradient masking in an evaluation."""

from collections.abc import Mapping

import polars as pl
import torch

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import AttackableSubject
from hauberk.evaluation.masking.black_boxes import black_box_wins
from hauberk.evaluation.masking.gradients import zero_gradients
from hauberk.evaluation.masking.logits import odd_logits
from hauberk.evaluation.masking.probe import Probe
from hauberk.evaluation.masking.sign import FEWEST, Sign
from hauberk.evaluation.masking.steps import futile_steps

PROBED = 200


def signs_of_masking(
    subject: AttackableSubject,
    data: Split,
    threat: ThreatModel,
    records: pl.DataFrame,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    seed: int,
    size: int = PROBED,
) -> list[Sign] | None:
    """Return the signs of gradient masking in an evaluation's records, and in a probe of the network.

    None if there are too few correctly classified examples to tell a sign from chance. The probe makes about a hundred
    passes over the first 200 of them, at most `size` of them at once.
    """
    correct = records.filter(records["prediction"] == records["label"])["index"].head(PROBED).to_list()
    if len(correct) < FEWEST:
        return None
    device = next(subject.module.parameters(), data.labels).device
    index = torch.tensor(correct)
    x, y = (t.to(device) for t in data.batch(index))
    probe = Probe(subject, x, y, threat.select(index, data.inputs.shape), Noise.of(seed, index.to(device)), size)
    return [*odd_logits(probe), *zero_gradients(probe), *futile_steps(probe), *black_box_wins(records, attacks)]
