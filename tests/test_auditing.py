import io
import time

import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import hauberk
from hauberk.attacks import FGSM
from hauberk.bounds import Interval
from hauberk.concepts.dataset import Split
from hauberk.countdown import SILENCE, Countdown
from hauberk.datasets import Points
from hauberk.errors import InputError, ShapeError
from hauberk.losses import CrossEntropy
from hauberk.reports.run_files import read_run
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

pytestmark = pytest.mark.usefixtures("unchecked")  # a check of annotations calls torch, and swallows what that raises


@pytest.fixture
def images():
    torch.manual_seed(0)
    x = torch.rand(40, 1, 6, 6)
    return x, (x[:, 0, :3].mean((1, 2)) > x[:, 0, 3:].mean((1, 2))).long()


@pytest.fixture
def model(images):
    x, y = images
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


QUICK = {"attacks": {"FGSM": FGSM(CrossEntropy())}, "verifiers": [ByBound(Interval(), "interval")], "quiet": True}


def test_an_audit_finds_what_is_broken_and_proven(model, images):
    found = hauberk.audit(model, images, eps=0.02, minutes=0.5, quiet=True)
    assert found.certified.count <= found.attacked.count <= found.clean.count
    assert found.certified.count > 0
    assert len(found.records) == 40
    assert isinstance(found.records, pl.DataFrame)
    assert found.reasons == {}
    text = str(found)
    assert "certified" in text
    assert "linf eps 0.02" in text


@pytest.mark.parametrize(
    "data",
    [
        lambda x, y: (x, y),
        lambda x, y: (x.numpy(), y.numpy()),
        lambda x, y: Split(x, y),
        lambda x, y: TensorDataset(x, y),
        lambda x, y: DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True),
        lambda x, y: ((x * 255).byte().numpy(), y.to(torch.uint8).numpy()),
    ],
    ids=["tensors", "arrays", "split", "dataset", "loader", "bytes"],
)
def test_data_of_any_kind(unchecked, model, images, data):
    found = hauberk.audit(model, data(*images), eps="1/255", minutes=0.5, **QUICK)
    assert len(found.records) == 40
    assert found.records["label"].to_list() == images[1].tolist()


def test_a_data_set_of_the_house_gives_its_test_split_and_name(tmp_path):
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    found = hauberk.audit(model, Points(), eps=0.01, minutes=0.5, folder=tmp_path / "audit", **QUICK)
    assert read_run(found.folder).about.dataset == Points().name


def test_the_page_stands_alone(model, images, tmp_path):
    found = hauberk.audit(model, images, eps=0.02, minutes=0.5, name="my images", **QUICK)
    page = found.report(tmp_path / "audit.html")
    text = page.read_text(encoding="utf-8")
    assert "my images" in text
    assert "Sequential" in text
    assert "evaluated as it came" in text


def test_a_folder_keeps_everything_and_is_not_used_twice(model, images, tmp_path):
    found = hauberk.audit(model, images, eps=0.02, minutes=0.5, folder=tmp_path / "audit", **QUICK)
    run = read_run(tmp_path / "audit")
    assert run.records.equals(found.records)
    assert run.summary.minutes == 0.5
    before = {path: path.read_bytes() for path in (tmp_path / "audit").rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="not empty"):
        hauberk.audit(model, images, eps=0.02, minutes=0.5, folder=tmp_path / "audit", **QUICK)
    assert before == {path: path.read_bytes() for path in (tmp_path / "audit").rglob("*") if path.is_file()}


def test_a_threat_that_nothing_proves_says_so(model, images):
    class Odd(nn.Module):
        def forward(self, x):
            return model(x).sort(1).values

    found = hauberk.audit(Odd(), images, eps=0.02, minutes=0.5, **QUICK)
    assert found.certified is None
    assert "sort" in found.reasons["certified"]
    assert found.attacked is not None


def test_the_network_is_left_as_it_was(model, images):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    hauberk.audit(model, images, eps=0.02, minutes=0.5, **QUICK)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_it_keeps_to_the_time(model, images):
    class Slow(nn.Module):
        def forward(self, x):
            time.sleep(0.05)
            return model(x)

    began = time.monotonic()
    found = hauberk.audit(Slow(), images, eps=1e-4, minutes=0.1, verifiers=[], quiet=True)
    assert time.monotonic() - began < 30  # all of it would take many minutes
    assert found.rest
    assert "Not through" in str(found)


def test_it_is_never_silent_for_long():
    written = io.StringIO()
    console = Console(file=written, force_terminal=False)
    with Countdown(console, 60):
        time.sleep(3.5 * SILENCE)
    assert len(written.getvalue().splitlines()) >= 3


def test_quiet_is_silent(model, images, capfd):
    hauberk.audit(model, images, eps=0.02, minutes=0.5, **QUICK)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"eps": None}, InputError, "how large"),
        ({"threat": LinfBall(0.1)}, InputError, "either threat or eps"),
        ({"minutes": 0}, InputError, "minutes"),
        ({"minutes": float("nan")}, InputError, "minutes"),
        ({"examples": 0}, InputError, "examples"),
        ({"examples": 2.5}, InputError, "examples"),
        ({"seed": "a"}, InputError, "seed"),
        ({"data": (torch.rand(3, 1, 6, 6), torch.tensor([0, 1, 7]))}, InputError, "0..1"),
        ({"data": (torch.rand(3, 1, 6, 6) * 300, torch.tensor([0, 1, 1]))}, InputError, "reach from"),
        ({"data": (torch.rand(0, 1, 6, 6), torch.zeros(0, dtype=torch.long))}, InputError, "examples"),
        ({"data": torch.rand(3, 1, 6, 6)}, InputError, "examples are"),
        ({"data": (torch.rand(3, 1, 6, 6), torch.rand(3))}, ShapeError, "labels"),
        ({"data": (np.full((3, 1, 6, 6), np.nan, np.float32), np.zeros(3, np.int64))}, InputError, "nan"),
        ({"model": lambda x: x}, InputError, "torch module"),
        ({"model": nn.Linear(3, 2)}, InputError, "fails on inputs"),
        ({"folder": 3}, InputError, "folder"),
        ({"norm": "l7"}, InputError, "norm is one of"),
        ({"norm": ["linf"]}, InputError, "norm is one of"),
        ({"name": 5}, InputError, "printable text"),
        ({"name": "\ud800"}, InputError, "printable text"),
        ({"folder": "/dev/null"}, InputError, "no folder"),
        ({"verifiers": [Interval()]}, InputError, "becomes one by ByBound"),
        ({"verifiers": ByBound(Interval())}, InputError, "verifiers are a list"),
        ({"attacks": [FGSM(CrossEntropy())]}, InputError, "attacks are by name"),
        ({"attacks": {"a": "pgd"}}, InputError, "is no attack"),
        ({"attacks": {3: FGSM(CrossEntropy())}}, InputError, "attacks are by name"),
    ],
)
def test_mistakes_are_named_and_leave_nothing(unchecked, model, images, tmp_path, change, kind, said):
    asked = {"model": model, "data": images, "eps": 0.02, "minutes": 0.5, "folder": tmp_path / "a", **QUICK} | change
    with pytest.raises(kind, match=said):
        hauberk.audit(**asked)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_two_verifiers_of_one_name_are_refused(model, images):
    verifiers = [ByBound(Interval()), ByBound(Interval())]
    with pytest.raises(InputError, match="two verifiers of one name"):
        hauberk.audit(model, images, eps=0.02, minutes=0.5, verifiers=verifiers, quiet=True)


class Counted(torch.utils.data.Dataset):
    """A torch dataset that counts what is read of it, slowly."""

    def __init__(self, images, seconds=0.0):
        self.images, self.read, self.seconds = images, [], seconds

    def __len__(self):
        return 100_000

    def __getitem__(self, number):
        time.sleep(self.seconds)
        self.read.append(number)
        return self.images[0][number % 40], int(self.images[1][number % 40])


def test_no_more_of_a_dataset_is_read_than_is_judged(model, images):
    data = Counted(images)
    found = hauberk.audit(model, data, eps=0.02, minutes=0.5, examples=5, **QUICK)
    assert data.read == [0, 1, 2, 3, 4]
    assert found.summary["offered"] == 5


def test_a_slow_dataset_is_read_for_a_part_of_the_time(model, images):
    data, eps = Counted(images, 0.02), torch.full((100_000,), 0.02)
    found = hauberk.audit(model, data, eps=eps, minutes=0.1, **QUICK)
    assert 0 < len(found.records) <= len(data.read) < 200
    assert found.summary["offered"] == 100_000


@pytest.mark.parametrize("most", [1, 2])
def test_a_network_for_one_size_of_batches_is_refused_in_one_line(model, images, most):
    class Fixed(nn.Module):
        def forward(self, x):
            assert len(x) == most, "the batch is fixed"
            return model(x)

    with pytest.raises(InputError, match=r"fails on inputs of shape .*AssertionError: the batch is fixed"):
        hauberk.audit(Fixed(), images, eps=0.02, minutes=0.5, **QUICK)


def test_a_network_that_fails_later_says_so(model, images):
    class Late(nn.Module):
        def forward(self, x):
            if len(x) > 2:
                raise ValueError("too many")
            return model(x)

    with pytest.raises(InputError, match="ValueError: too many"):
        hauberk.audit(Late(), images, eps=0.02, minutes=0.5, **QUICK)
