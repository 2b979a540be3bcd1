import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from digits import digits
from hauberk.attacks import FGSM, PGD, Previous, RandomMember
from hauberk.augmentations import Resize
from hauberk.bounds import Interval
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective
from hauberk.errors import InputError, TrainingError, UnsupportedOpError
from hauberk.losses import CrossEntropy
from hauberk.objectives import AdaptiveRadius, Adversarial, Certified, Free, Natural
from hauberk.regularizers import FastIBP
from hauberk.schedules import Constant, SmoothRamp, Steps
from hauberk.threats import LinfBall
from hauberk.training import CollapseDetector, FastIBPInit, GivenWeights, Phase, Trainer
from hauberk.training.experiment import experiment
from hauberk.training.order import held_out
from longer import mostly_later
from unbounded import Sinc

THREAT = LinfBall(0.05)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 16),
        nn.ReLU(),
        nn.Linear(16, 10),
    )


OBJECTIVES = {
    "natural": Natural(CrossEntropy()),
    "adversarial": Adversarial(FGSM(CrossEntropy(), 1.25, RandomMember()), CrossEntropy()),
    "certified": Certified(Interval(), CrossEntropy(), Constant(0.3), [FastIBP()]),
    "adaptive": AdaptiveRadius(Adversarial(FGSM(CrossEntropy()), CrossEntropy()), shrink=0.1),
    "free": Free(CrossEntropy(), replays=2),
    "previous": Adversarial(FGSM(CrossEntropy(), 1.0, Previous()), CrossEntropy()),
}


def trainer(objective: str = "certified", **changes) -> Trainer:
    plain = Trainer(
        OBJECTIVES[objective],
        epochs=3,
        learning_rate=Constant(3e-3),
        batch=64,
        radius=SmoothRamp(),
        held_out=56,
        log_steps=2,
        checkpoint_steps=3,
    )
    return replace(plain, **changes)


def states_equal(first: nn.Module, second: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


class KilledError(Exception):
    pass


def killed_at(step: int):
    def watch(record: dict) -> None:
        if record["step"] >= step:
            raise KilledError

    return watch


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("step", mostly_later([4, 2, 8, 10]))
def test_a_resumed_training_ends_as_an_undisturbed_one(objective: str, step: int, tmp_path: Path):
    whole, broken, resumed = network(), network(), network(seed=1)
    data = digits(312)
    trainer(objective).fit(whole, data, THREAT, tmp_path / "whole")
    method = trainer(objective)
    with pytest.raises(KilledError):
        method.fit(broken, data, THREAT, tmp_path / "broken", watch=killed_at(step))
    if step < 3:
        resumed = network()  # killed before the first checkpoint: training starts afresh from the recipe's network
    method.fit(resumed, data, THREAT, tmp_path / "broken", resume=True)
    assert states_equal(whole, resumed)
    journals = [journal(tmp_path / name) for name in ("whole", "broken")]
    assert journals[0] == journals[1]


def journal(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("seconds", "cpu_seconds")} for line in lines]


def test_journal_has_a_line_per_epoch_and_per_window(tmp_path: Path):
    trainer().fit(network(), digits(312), THREAT, tmp_path)
    lines = journal(tmp_path)
    assert [line["step"] for line in lines if line["kind"] == "step"] == [2, 4, 6, 8, 10, 12]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert all(0 <= line["validation_robust"] <= line["validation_clean"] <= 1 for line in epochs)
    assert lines[0]["radius"] < 0.1
    assert lines[-1]["radius"] == 1


def test_training_learns_and_leaves_the_random_state_alone(tmp_path: Path):
    state = torch.get_rng_state()
    trained = network()
    trainer("natural", epochs=10, learning_rate=Constant(1e-2)).fit(trained, digits(600), THREAT, tmp_path)
    assert not trained.training
    assert [line for line in journal(tmp_path) if line["kind"] == "epoch"][-1]["clean"] > 0.85
    after = torch.get_rng_state()
    torch.set_rng_state(state)
    network()
    assert torch.equal(after, torch.get_rng_state())


def test_the_initialisation_is_used(tmp_path: Path):
    made = network()
    before = made[0].weight.clone()
    trainer(initialisation=FastIBPInit(), learning_rate=Constant(0.0)).fit(made, digits(120), THREAT, tmp_path)
    assert not torch.equal(before, made[0].weight)


def test_training_goes_on_from_given_weights(tmp_path: Path):
    given, made, file = network(1), network(2), tmp_path / "given.safetensors"
    save_file(given.state_dict(), file)
    still = trainer("natural", initialisation=GivenWeights(str(file)), learning_rate=Constant(0.0))
    still.fit(made, digits(120), THREAT, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), given.parameters(), strict=True))


def test_a_loss_that_is_not_finite_stops_training(tmp_path: Path):
    with pytest.raises(TrainingError, match="step 2"):
        trainer("natural", learning_rate=Constant(1e30)).fit(network(), digits(312), THREAT, tmp_path)


def test_held_out_examples_must_leave_some_to_train_on(tmp_path: Path):
    with pytest.raises(InputError, match="held_out"):
        trainer(held_out=312).fit(network(), digits(312), THREAT, tmp_path)


def test_a_network_without_bounds_is_refused_before_training(tmp_path: Path):
    odd = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), Sinc())
    with pytest.raises(UnsupportedOpError, match="sinc"):
        trainer().fit(odd, digits(120), THREAT, tmp_path)


@pytest.mark.parametrize(
    "file", ["state.json", "model.safetensors", "optimizer.safetensors", "memory.safetensors", "average.safetensors"]
)
def test_a_damaged_checkpoint_is_named(file: str, tmp_path: Path):
    trainer("natural").fit(network(), digits(120), THREAT, tmp_path)
    (checkpoint,) = (tmp_path / "checkpoint").iterdir()
    (checkpoint / file).write_bytes(b"{damaged")
    with pytest.raises(InputError, match=str(checkpoint)):
        trainer("natural").fit(network(), digits(120), THREAT, tmp_path, resume=True)


PGD_3 = PGD(CrossEntropy(), 3, 0.5)


def test_the_judge_attacks_what_is_held_out(tmp_path: Path):
    method = trainer("natural", judge=PGD_3, epochs=2, held_out=100)
    trained = network()
    method.fit(trained, digits(412), THREAT, tmp_path)
    data, (_, index) = digits(412), held_out(412, 100, 0)
    x, y = data.batch(index)
    clean = trained(x).argmax(1) == y
    last = [line for line in journal(tmp_path) if line["kind"] == "epoch"][-1]
    assert last["validation_clean"] == pytest.approx(clean.double().mean().item())
    assert 0 < last["validation_robust"] < last["validation_clean"]


def test_the_best_weights_are_kept_and_the_final_ones_beside_them(tmp_path: Path):
    rates = Steps([0, 0.5], [1e-2, 1.0])  # which ruins the network in its second half
    best, final = network(), network()
    method = trainer("adversarial", epochs=4, learning_rate=rates)
    replace(method, keep="best").fit(best, digits(600), THREAT, tmp_path / "best")
    method.fit(final, digits(600), THREAT, tmp_path / "final")
    assert not states_equal(best, final)
    kept = network()
    kept.load_state_dict(load_file(tmp_path / "best" / "final.safetensors"))
    assert states_equal(kept, final)
    scores = [line["validation_robust"] for line in journal(tmp_path / "best") if line["kind"] == "epoch"]
    half = network()
    epoch = scores.index(max(scores)) + 1
    assert epoch <= 2
    replace(method, epochs=epoch, learning_rate=Constant(1e-2), radius=SmoothRamp(finish=0.5 * 4 / epoch)).fit(
        half, digits(600), THREAT, tmp_path / "half"
    )
    assert states_equal(best, half)


class LateAdversary(Objective):
    """Says only in the second half of training what withstood its attack: nothing did."""

    def __call__(self, network, x, y, threat, *, progress, noise):
        value = OBJECTIVES["adversarial"](network, x, y, threat, progress=progress, noise=noise)
        return replace(value, robust=torch.zeros_like(y) > 0 if 2 * progress.step >= progress.steps else None)


def test_an_epoch_without_a_robust_accuracy_is_not_better_than_one_with(tmp_path: Path):
    method = trainer(epochs=2, held_out=100, keep="best", objective="adversarial")
    replace(method, objective=LateAdversary()).fit(network(), digits(600), THREAT, tmp_path)
    first, second = (line for line in journal(tmp_path) if line["kind"] == "epoch")
    assert (first["validation_robust"], second["validation_robust"]) == (None, 0)
    kept, final = (load_file(tmp_path / name) for name in ("best.safetensors", "final.safetensors"))
    assert all(torch.equal(kept[name], final[name]) for name in final)


class Falling(Attack):
    """Leaves all examples unbroken until it was asked so many times, then none."""

    def __init__(self, after: int) -> None:
        self.after, self.asked = after, 0

    def __call__(self, network, S, y, *, noise):
        self.asked += 1
        return S.start if self.asked <= self.after else S.start * 0


def test_after_a_collapse_training_ends_with_the_weights_before_it(tmp_path: Path):
    plain = trainer("natural", epochs=6, learning_rate=Constant(1e-2), radius=Constant(1.0))
    stopped, before = network(), network()
    replace(plain, detector=CollapseDetector(Falling(2))).fit(stopped, digits(312), THREAT, tmp_path / "stopped")
    replace(plain, epochs=2).fit(before, digits(312), THREAT, tmp_path / "before")
    assert states_equal(stopped, before)
    epochs = [line for line in journal(tmp_path / "stopped") if line["kind"] == "epoch"]
    assert [line["collapsed"] for line in epochs] == [False, False, True]
    resumed, attack = network(), Falling(2)
    replace(plain, detector=CollapseDetector(attack)).fit(
        resumed, digits(312), THREAT, tmp_path / "stopped", resume=True
    )
    assert states_equal(resumed, before)
    assert attack.asked == 0


def test_phases_have_sizes_of_their_own_and_resume(tmp_path: Path):
    def pooled() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 10))

    def method() -> Trainer:
        return trainer("adversarial", epochs=1, augmentation=Resize(14), later=[Phase(2, 100)], log_steps=1)

    whole, resumed, data = pooled(), pooled(), digits(312)
    method().fit(whole, data, THREAT, tmp_path / "whole")
    steps = [line for line in journal(tmp_path / "whole") if line["kind"] == "step"]
    assert [line["epoch"] for line in steps] == pytest.approx([0.25, 0.5, 0.75, 1, 4 / 3, 5 / 3, 2, 7 / 3, 8 / 3, 3])
    assert [line["step"] for line in journal(tmp_path / "whole") if line["kind"] == "epoch"] == [4, 7, 10]
    with pytest.raises(KilledError):
        method().fit(pooled(), data, THREAT, tmp_path / "broken", watch=killed_at(8))
    method().fit(resumed, data, THREAT, tmp_path / "broken", resume=True)
    assert states_equal(whole, resumed)
    assert journal(tmp_path / "whole") == journal(tmp_path / "broken")


def test_the_best_of_nothing_held_out_is_refused():
    with pytest.raises(InputError, match="held_out is 0"):
        trainer(held_out=0, keep="best")


@pytest.mark.product
def test_in_bf16_training_still_learns(tmp_path: Path):
    trained = network()
    method = trainer("adversarial", epochs=6, learning_rate=Constant(1e-2), precision="bf16")
    method.fit(trained, digits(600), THREAT, tmp_path)
    assert next(trained.parameters()).dtype == torch.float32
    assert [line for line in journal(tmp_path) if line["kind"] == "epoch"][-1]["validation_clean"] > 0.5
    other = network()
    replace(method, precision="no").fit(other, digits(600), THREAT, tmp_path / "plain")
    assert not states_equal(trained, other)


def test_test_examples_are_attacked_after_each_epoch_and_change_nothing(tmp_path: Path):
    data, test, attack = digits(312), digits(512).select(torch.arange(400, 512)), FGSM(CrossEntropy())
    plain, watched = network(), network()
    judged = trainer("adaptive", test_judge=attack)
    assert experiment(judged, plain, data, THREAT) == experiment(trainer("adaptive"), plain, data, THREAT)
    trainer("adaptive").fit(plain, data, THREAT, tmp_path / "plain")
    judged.fit(watched, data, THREAT, tmp_path / "watched", test=test)
    assert states_equal(plain, watched)
    lines, more = (journal(tmp_path / name) for name in ("plain", "watched"))
    tested = [{key: line.pop(key) for key in ("test_clean", "test_robust")} for line in more if line["kind"] == "epoch"]
    assert more == lines
    x, y = test.batch(slice(None))
    z = attack(watched, THREAT.at(x), y, noise=Noise.of(0, torch.arange(len(y))))
    right = watched(x).argmax(1) == y
    left = right & (watched(z).argmax(1) == y)
    assert tested[-1] == pytest.approx({"test_clean": right.sum().item() / 112, "test_robust": left.sum().item() / 112})
    assert len(tested) == 3


def test_a_judge_of_test_examples_needs_some(tmp_path: Path):
    with pytest.raises(InputError, match=r"test_judge .* fit\(test=...\)"):
        trainer(test_judge=FGSM(CrossEntropy())).fit(network(), digits(312), THREAT, tmp_path)
