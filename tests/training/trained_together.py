"""A training for the tests of several processes.

python trained_together.py OBJECTIVE FOLDER [--normalized] [--resume] [--die STEP]
"""

import argparse
import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from digits import digits
from hauberk.attacks import PGD, Jittered
from hauberk.bounds import Interval
from hauberk.concepts.dataset import Split
from hauberk.concepts.objective import Objective
from hauberk.losses import CrossEntropy
from hauberk.objectives import TRADES, AdaptiveRadius, Adversarial, Certified, Free
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import CollapseDetector, Trainer, WeightAveraging

ENTROPY = CrossEntropy()
OBJECTIVES: dict[str, Objective] = {
    "adversarial": AdaptiveRadius(Adversarial(PGD(ENTROPY, 3, 0.5, stop_when_broken=False), ENTROPY), 0.3, 0.2, 0.5),
    "certified": Certified(Interval(), ENTROPY, Constant(0.3)),
    "free": Free(ENTROPY, replays=3),
    "trades": TRADES(PGD(ENTROPY, 3, 0.5, stop_when_broken=False, start=Jittered()), ENTROPY),
}
EXAMPLES, HELD_OUT, BATCH = 203, 40, 54
"""163 examples to train on: 3 batches of 54, and one of a single example, of which a second process has none."""


def trained(
    objective: str, folder: Path, *, normalized: bool = False, resume: bool = False, die: int | None = None
) -> nn.Module:
    """Return a network after three epochs in float64; the last of several processes may die after a step.

    With batch norm, processes share its statistics, and training watches for a collapse.
    """
    torch.manual_seed(0)
    # A bias before batch norm has no gradient but rounding errors, which Adam would take for one.
    first = [nn.Conv2d(1, 3, 5, 3, bias=False), nn.BatchNorm2d(3)] if normalized else [nn.Conv2d(1, 3, 5, 3)]
    network = nn.Sequential(*first, nn.ReLU(), nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 10)).double()
    data = digits(EXAMPLES)
    split = Split(data.inputs.double() / 255, data.labels)
    trainer = Trainer(
        OBJECTIVES[objective],
        epochs=3,
        learning_rate=Constant(1e-3),
        batch=BATCH,
        gradient_clip=1.0,
        averaging=WeightAveraging(0.9, begin=0.3),
        held_out=HELD_OUT,
        log_steps=2,
        checkpoint_steps=3,
        shared_statistics=normalized,
        detector=CollapseDetector(PGD(ENTROPY, 2, 0.5, stop_when_broken=False)) if normalized else None,
    )
    if die is not None and int(os.environ["RANK"]) == int(os.environ["WORLD_SIZE"]) - 1:
        step = torch.optim.Adam.step
        taken = []

        def mortal(*arguments, **options):
            taken.append(None)
            if len(taken) > die:
                os._exit(9)
            return step(*arguments, **options)

        torch.optim.Adam.step = mortal
    trainer.fit(network, split, LinfBall(0.05), folder, resume=resume)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("objective")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--normalized", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = trained(
        options.objective, options.folder, normalized=options.normalized, resume=options.resume, die=options.die
    )
    if os.environ["RANK"] == "0":
        save_file(network.state_dict(), options.folder / "together.safetensors")
    os._exit(0)  # as the command line does
