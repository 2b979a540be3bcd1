"""One network against adversaries that it was not trained for."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hauberk.attacks import FAB, FGSM, PGD, Within
from hauberk.bounds import Interval
from hauberk.concepts.dataset import Split
from hauberk.errors import InputError
from hauberk.evaluation import Adversary, Evaluator
from hauberk.evaluation.records import read_records
from hauberk.losses import CrossEntropy
from hauberk.threats import Flow, L2Ball, LinfBall, Perceptual
from hauberk.verification import ByBound

PGD_3 = PGD(CrossEntropy(), steps=3, step=0.5)
FLOW = {"PGD": PGD(CrossEntropy(), 3, 0.5)}


def problem(examples=20):
    """Images of two classes, bright on the left or on the right, and a network that is right about most of them."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(examples) % 2
    x = 0.6 * torch.rand(examples, 1, 4, 4, generator=generator)
    x[y == 0, :, :, :2] += 0.15
    x[y == 1, :, :, 2:] += 0.15
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    side = torch.tensor([1.0, 1, -1, -1]).repeat(4)
    network[1].weight.data, network[1].bias.data = torch.stack([side, -side]), torch.zeros(2)
    return network, Split(x, y)


def judged(folder, **adversaries):
    network, data = problem()
    evaluator = Evaluator({"PGD": PGD_3}, [], unforeseen=adversaries, shard=7)
    return evaluator.evaluate(network, data, LinfBall(0.05), folder)


def test_each_adversary_has_a_row_and_the_worst_case_is_per_example(tmp_path):
    flow = Adversary(Flow(0.5), FLOW, [ByBound(Interval())])
    euclid = Adversary(L2Ball(0.3), {"FGSM": FGSM(CrossEntropy()), "PGD": PGD_3})
    summary = judged(tmp_path, flow=flow, euclid=euclid)
    found = summary["unforeseen"]
    assert [row["name"] for row in found["adversaries"]] == ["flow", "euclid"]
    assert found["adversaries"][0]["threat"] == "flow eps 0.5"
    parts = [
        read_records(tmp_path / place) for place in ("records", "unforeseen/flow/records", "unforeseen/euclid/records")
    ]
    alive = [(part["prediction"] == part["label"]) & part["broken_by"].is_null() for part in parts]
    assert found["worst"]["count"] == sum(a and b and c for a, b, c in zip(*alive, strict=True))
    assert found["mean"] == pytest.approx((alive[1].mean() + alive[2].mean()) / 2)
    for row, survived in zip(found["adversaries"], alive[1:], strict=True):
        assert row["attacked"]["count"] == survived.sum()
        assert row["rest"] == row["clean"]
    certified = found["adversaries"][0]["certified"]["count"]
    assert certified <= found["adversaries"][0]["attacked"]["count"]
    assert json.loads((tmp_path / "summary.json").read_text())["unforeseen"] == found


def test_the_same_images_are_shown_under_every_adversary(tmp_path):
    judged(tmp_path, flow=Adversary(Flow(0.5), FLOW), euclid=Adversary(L2Ball(0.3), {"PGD": PGD_3}))
    shown = [load_file(tmp_path / "unforeseen" / name / "examples.safetensors") for name in ("flow", "euclid")]
    assert torch.equal(shown[0]["index"], shown[1]["index"])
    assert torch.equal(shown[0]["inputs"], shown[1]["inputs"])
    assert shown[0]["adversarial"].shape == shown[0]["inputs"].shape == (6, 1, 4, 4)
    assert torch.equal(shown[0]["labels"], shown[0]["clean_predictions"])


def test_an_evaluation_resumes_between_adversaries(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    adversaries = {"flow": Adversary(Flow(0.5), FLOW), "euclid": Adversary(L2Ball(0.3), {"PGD": PGD_3})}
    whole = judged(one, **adversaries)
    judged(two, **adversaries)
    (two / "summary.json").unlink()
    for shard in (two / "unforeseen" / "euclid" / "records").glob("*"):
        shard.unlink()
    again = judged(two, **adversaries)
    for summary in (whole, again):
        for row in summary["unforeseen"]["adversaries"]:
            del row["seconds"]
    assert whole["unforeseen"] == again["unforeseen"]


def test_without_adversaries_there_is_nothing_to_say(tmp_path):
    assert judged(tmp_path)["unforeseen"] is None


def test_names_become_folders():
    with pytest.raises(InputError, match="an adversary's name"):
        Evaluator({}, [], unforeseen={"../flow": Adversary(Flow(0.5), FLOW)})
    with pytest.raises(InputError, match="two verifiers"):
        Adversary(Flow(0.5), {}, [ByBound(Interval()), ByBound(Interval())])


def test_what_attacked_nothing_does_not_raise_the_mean(tmp_path):
    idle = Adversary(Flow(0.5), {"FAB": Within(FAB())})
    strong = Adversary(L2Ball(5.0), {"PGD": PGD_3})
    found = judged(tmp_path / "one", idle=idle, strong=strong)["unforeseen"]
    assert found["adversaries"][0]["attacked"] is None
    assert found["mean"] == found["adversaries"][1]["attacked"]["share"]
    assert found["worst"]["count"] <= found["adversaries"][1]["attacked"]["count"]
    found = judged(tmp_path / "two", idle=idle)["unforeseen"]
    assert found["mean"] is None
    assert found["worst"] is None


def test_adversaries_have_one_radius():
    with pytest.raises(InputError, match="one radius for all"):
        Adversary(Flow(torch.linspace(0, 0.5, 10)), FLOW)


def test_a_network_that_measures_distances_is_tried_before_the_own_threat_is_attacked(tmp_path):
    colours = Perceptual(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()))
    with pytest.raises(InputError, match=r"does not run on images of shape \(1, 4, 4\)"):
        judged(tmp_path, perceptual=Adversary(colours, FLOW))
    assert not list(tmp_path.iterdir())


def test_names_are_short_enough_for_file_systems_that_count_bytes():
    with pytest.raises(InputError, match="an adversary's name"):
        Evaluator({}, [], unforeseen={"\N{CJK UNIFIED IDEOGRAPH-5B57}" * 51: Adversary(Flow(0.5), FLOW)})
