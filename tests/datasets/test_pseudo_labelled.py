from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from hauberk.concepts.dataset import Dataset, Split
from hauberk.datasets import Points, PseudoLabelled, Subset
from hauberk.errors import InputError
from hauberk.recipe import build

OWN, POOL = Points(12), Points(30, 0.05, seed=1)


def halving(classes: int = 2, sign: float = 1.0) -> nn.Module:
    """A network that says on which side of the square's vertical axis a point lies."""
    network = nn.Linear(2, classes)
    with torch.no_grad():
        network.weight.zero_()
        network.bias.zero_()
        network.weight[-1, 0] = sign
        network.bias[-1] = -0.5 * sign
    return network


@pytest.fixture
def weights(tmp_path: Path) -> str:
    save_file(halving().state_dict(), tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


def test_the_network_labels_the_pool_with_its_trained_weights(weights: str):
    data = PseudoLabelled(OWN, POOL, halving(sign=-1.0).train(), weights)
    split = data.train()
    assert torch.equal(split.inputs, OWN.train().inputs)
    assert torch.equal(split.labels, OWN.train().labels)
    further = split.pseudo_labelled
    assert torch.equal(further.inputs, POOL.train().inputs)
    assert torch.equal(further.labels, (further.inputs[:, 0] > 0.5).long())
    assert 0 < further.labels.sum() < len(further)
    assert torch.equal(data.test().labels, OWN.test().labels)
    assert data.test().pseudo_labelled is None
    assert (data.classes, data.shape, data.range) == (OWN.classes, OWN.shape, OWN.range)


def test_a_subset_has_the_whole_pool(weights: str):
    split = Subset(PseudoLabelled(OWN, POOL, halving(), weights), train=5).train()
    assert (len(split), len(split.pseudo_labelled)) == (5, 30)


def test_a_recipe_names_the_network_and_its_weights(weights: str):
    linear = {"class": "architectures.FullyConnected", "shape": [2], "classes": 2, "hidden": [3]}
    recipe = build(
        {
            "data": {
                "class": "datasets.PseudoLabelled",
                "labelled": "datasets.Points",
                "pool": {"class": "datasets.Points", "count": 20, "separation": 0.05},
                "network": linear,
                "weights": weights,
            },
            "network": {"class": "architectures.FullyConnected", "hidden": [3]},
            "threat": {"class": "threats.LinfBall", "eps": 0.1},
            "trainer": {
                "objective": {"class": "objectives.Natural", "loss": "losses.CrossEntropy"},
                "epochs": 1,
                "learning_rate": {"class": "schedules.Constant", "value": 0.1},
            },
            "evaluator": {"attacks": {}, "verifiers": []},
        }
    )
    assert recipe.data.shape == (2,)
    with pytest.raises(InputError, match="does not hold the weights of the network"):
        recipe.data.train()


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_weights_that_cannot_be_read_are_named(damage: str, weights: str, tmp_path: Path):
    file = tmp_path / f"{damage}.safetensors"
    if damage == "damaged":
        file.write_bytes(b"no weights")
    with pytest.raises(InputError, match=str(file)):
        PseudoLabelled(OWN, POOL, halving(), str(file)).train()


@pytest.mark.parametrize(("network", "answer"), [(halving(3), "0 to 2"), (halving(2, float("nan")), "-1 to -1")])
def test_labels_that_are_no_classes_are_refused(network: nn.Module, answer: str, tmp_path: Path):
    save_file(network.state_dict(), tmp_path / "odd.safetensors")
    with pytest.raises(InputError, match=f"its answers reach from {answer}"):
        PseudoLabelled(OWN, POOL, network, str(tmp_path / "odd.safetensors")).train()


class Elsewhere(Dataset):
    name, classes = "elsewhere", ("0", "1")

    def __init__(self, shape: tuple[int, ...] = (2,), range: tuple[float, float] = (0.0, 1.0)) -> None:
        self.shape, self.range = shape, range

    def train(self) -> Split:
        return Split(torch.zeros(1, *self.shape), torch.zeros(1, dtype=torch.long))

    test = train


@pytest.mark.parametrize(("pool", "name"), [(Elsewhere((3,)), "shape"), (Elsewhere(range=(0.0, 2.0)), "range")])
def test_a_pool_of_other_inputs_is_refused(pool: Dataset, name: str, weights: str):
    with pytest.raises(InputError, match=f"elsewhere has {name}"):
        PseudoLabelled(OWN, pool, halving(), weights)
