"""Parts of attacks that do not apply: refused where they train, left out where they judge."""

import json

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, Square, WorstOf
from hauberk.concepts.dataset import Split
from hauberk.errors import InputError, PartWarning
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Adversarial, Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer

PARTS = WorstOf([FGSM(Margin()), Square(Margin(), 3)], Margin())
DATA = Split(torch.rand(8, 5, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2)


def test_training_by_an_attack_of_which_a_part_does_not_apply_is_refused(tmp_path):
    trainer = Trainer(Adversarial(PARTS, CrossEntropy()), 1, Constant(0.1), batch=4, held_out=0)
    with pytest.raises(InputError, match=r"all of whose parts apply, but Square, attack 2, is left out: Square needs"):
        trainer.fit(nn.Linear(5, 2), DATA, LinfBall(0.1), tmp_path)


def test_a_judge_of_which_a_part_does_not_apply_judges_with_the_rest_and_says_so(tmp_path):
    trainer = Trainer(Natural(CrossEntropy()), 1, Constant(0.1), batch=4, held_out=4, judge=PARTS)
    with pytest.warns(PartWarning, match="Square needs images"):
        trainer.fit(nn.Linear(5, 2), DATA, LinfBall(0.1), tmp_path)
    last = json.loads((tmp_path / "train.jsonl").read_text().splitlines()[-1])
    assert 0 <= last["validation_robust"] <= last["validation_clean"]
