"""Votes: the same whatever the batch, and for none where numbers are not finite."""

import json
import math
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from hauberk.errors import InputError, ShapeError, UnsupportedOpError
from hauberk.kernels import noise as kernel
from hauberk.sampling.poll import Poll, streams
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian, Uniform
from step_counts import StepCounts

NOISE = Gaussian(0.5)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network(seed=0):
    """Return a small convolutional network, whose votes are split between all classes."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 4)).requires_grad_(False)
        module[3].bias -= module(torch.randn(100, 1, 5, 5)).mean(0)
        return module


X = torch.randn(7, 1, 5, 5, generator=seeded())
NETWORK = network()


def votes(x=X, samples=300, first=0, module=NETWORK, rows=1024, seed=0, noise=NOISE):
    return Poll(module, noise, rows).votes(x, streams(x, seed), samples, first)


WHOLE = votes()


class Recording(nn.Module):
    """Keeps the inputs of every pass."""

    def __init__(self, classes=2):
        super().__init__()
        self.classes, self.passes = classes, []

    def forward(self, x):
        self.passes.append(x)
        return x.flatten(1)[:, : self.classes]


def test_every_sample_is_a_vote_and_votes_are_the_networks_labels():
    assert (WHOLE.sum(1) == 300).all()
    assert (WHOLE > 0).sum() > 2 * len(X)
    recording = Recording()
    found = votes(X[:2], 100, module=recording, rows=128)
    rows = torch.cat(recording.passes).view(2, 128, -1)[:, :100, :2]
    assert torch.equal(found, torch.stack([(rows.argmax(2) == c).sum(1) for c in range(2)], 1))
    moved = rows - X[:2].flatten(1)[:, None, :2]
    assert abs(moved.mean()) < 5 * 0.5 / 20
    assert moved.std() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("noise", [NOISE, Uniform(1.0)])
@pytest.mark.parametrize("rows", [64, 128, 192, 1024])
def test_counts_do_not_depend_on_batch_order_or_pass(rows, noise):
    whole = votes(rows=1024, noise=noise)
    assert torch.equal(votes(rows=rows, noise=noise), whole)
    order = torch.tensor([5, 0, 3, 3])
    assert torch.equal(votes(X[order], rows=rows, noise=noise), whole[order])
    assert torch.equal(torch.cat([votes(x, rows=rows, noise=noise) for x in X.split(3)]), whole)


@pytest.mark.parametrize("pieces", [[300], [1, 299], [64, 128, 108], [63, 2, 235], [100, 100, 100]])
def test_samples_taken_in_pieces_add_up(pieces):
    ends = torch.tensor(pieces).cumsum(0).tolist()
    parts = [votes(samples=size, first=end - size, rows=128) for size, end in zip(pieces, ends, strict=True)]
    assert torch.equal(torch.stack(parts).sum(0), WHOLE)


def test_a_late_first_sample_is_a_sample_like_any_other():
    far = 2**40 + 3
    assert torch.equal(votes(samples=90, first=far), votes(samples=50, first=far) + votes(samples=40, first=far + 50))
    assert not torch.equal(votes(samples=90, first=far), votes(samples=90))


def test_counts_do_not_depend_on_threads():
    x = torch.randn(40, 1, 5, 5, generator=seeded(1))
    alone = votes(x)
    torch.set_num_threads(2)
    try:
        assert torch.equal(votes(x), alone)
    finally:
        torch.set_num_threads(1)


def test_counts_do_not_depend_on_the_process():
    folder = Path(__file__).parent
    code = "import json, test_poll; print(json.dumps(test_poll.votes(test_poll.X[[4, 1]], rows=64).tolist()))"
    paths = [str(folder), str(folder.parent), str(folder.parents[1] / "src")]
    script = f"import sys; sys.path[:0] = {json.dumps(paths)}; {code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == WHOLE[[4, 1]].tolist()


def test_equal_inputs_share_their_noise_and_all_others_have_their_own():
    x = torch.stack([X[0], X[1], X[0], -X[0], X[0].flip(1), torch.where(X[0] > 9, 1, X[0] * (1 + 2**-23))])
    keys = streams(x, 0).keys
    assert len(keys.unique()) == 5
    assert keys[0] == keys[2]
    others = [streams(x, 1).keys, *(streams(x, 0).fold(purpose).keys for purpose in range(3))]
    assert len(torch.cat([keys, *others]).unique()) == 25
    recording = Recording()
    votes(x, 64, module=recording, rows=64)
    moved = torch.stack(recording.passes).flatten(2) - x.flatten(1)[:, None]
    torch.testing.assert_close(moved[0], moved[2])
    signs = moved.sign().flatten(1)[[0, 1, 3, 4, 5]]
    assert ((signs @ signs.T).fill_diagonal_(0).abs() < 6 * signs.shape[1] ** 0.5).all()


def test_streams_depend_on_numbers_not_on_what_holds_them():
    x = torch.tensor([[0.5, -0.0, 2.0]])
    expected = streams(x, 3).keys
    for same in (x.double(), x.bfloat16(), x.abs(), x.half(), x.repeat(200, 1)[150:151], x.view(1, 3, 1, 1)):
        assert torch.equal(streams(same, 3).keys, expected)
    many = torch.randn(150, 3, generator=seeded())
    assert torch.equal(streams(many, 3).keys[100:], streams(many[100:], 3).keys)
    assert len(streams(torch.zeros(0, 3), 3).keys) == 0


class Choosy(nn.Module):
    """Gives logits that are not finite where the first coordinate is positive."""

    def __init__(self, bad):
        super().__init__()
        self.bad = bad

    def forward(self, x):
        logits = torch.stack([x[:, 1], x[:, 2], x[:, 3]], 1)
        return torch.where(x[:, :1] > 0, torch.tensor([0.0, self.bad, 9.0]), logits)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_not_finite_vote_for_none(bad):
    x = torch.zeros(3, 4)
    x[:, 0] = torch.tensor([0.0, -99, 99])
    found = votes(x, 1000, module=Choosy(bad)).sum(1)
    assert 400 < found[0] < 600
    assert found[1:].tolist() == [1000, 0]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_inputs_that_are_not_finite_vote_for_none_whatever_the_network_makes_of_them(bad):
    class Steps(nn.Module):
        def forward(self, x):
            return torch.stack([(x > 0.5).float().sum(1), (x < 9).float().sum(1)], 1)

    x = torch.tensor([[0.0, bad, 0.0], [0.0, 0.0, 0.0]])
    assert votes(x, 70, module=Steps()).sum(1).tolist() == [0, 70]


@pytest.mark.parametrize(
    "x", [X[:, 0, 0, :3], X[:, 0, 0, :3].double(), X[:, 0, 0, :3].bfloat16(), X[:, 0, 0, :3].half()]
)
def test_inputs_may_have_any_shape_and_precision(x):
    recording = Recording(3)
    found = votes(x, 1000, module=recording)
    assert (found.sum(1) == 1000).all()
    assert recording.passes[0].dtype == x.dtype
    assert recording.passes[0].shape == (1024, 3)
    exact = votes(x.float(), 1000, module=Recording(3))
    assert (found - exact).abs().max() <= (50 if x.element_size() == 2 else 2)


def test_one_class_is_refused():
    with pytest.raises(ShapeError, match="two logits or more"):
        votes(X, 65, module=Recording(1))


def trained():
    """Return a network in train mode, with a part that is not, and a copy in eval mode."""
    module = nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(25), nn.Dropout(), nn.Sequential(nn.Linear(25, 3), nn.Dropout())
    )
    module.train()
    module[3][1].eval()
    return module, deepcopy(module).eval()


def test_a_network_in_training_votes_in_eval_mode_and_is_left_as_it_was():
    module, still = trained()
    before = deepcopy(module.state_dict())
    assert torch.equal(votes(module=module), votes(module=still))
    assert [part.training for part in module.modules()] == [True, True, True, True, True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_the_mode_comes_back_after_an_error_in_the_second_pass():
    class Failing(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 2:
                raise RuntimeError("out of memory")
            return x

    module, _ = trained()
    module.append(Failing())
    with pytest.raises(RuntimeError, match="out of memory"):
        votes(module=module, rows=64)
    assert [part.training for part in module.modules()] == [True, True, True, True, True, True, False, True]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_no_pass_waits_for_the_device(device, monkeypatch):
    monkeypatch.setattr(kernel, "COMPILED", False)
    module, x, operations = network().to(device), X.to(device), []
    own = streams(x, 0)
    assert own.keys.device == x.device  # computed once
    for samples in (64, 128, 192):
        with StepCounts() as counts:
            Poll(module, NOISE, rows=64).votes(x, own, samples)
        assert counts.waits == []
        operations.append(counts.operations.total())
    assert operations[2] - operations[1] == operations[1] - operations[0] < 100 * len(X)
    with StepCounts() as counts:
        streams(x, 0).fold(2)
    assert counts.waits == []


class Largest(TorchDispatchMode):
    """Knows the size of the largest tensor made."""

    most = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else [result]:
            self.most = max(self.most, each.untyped_storage().nbytes() if isinstance(each, torch.Tensor) else 0)
        return result


@pytest.mark.parametrize("compiled", [False, True])
def test_memory_is_that_of_a_pass_however_many_votes_and_inputs_there_are(compiled, monkeypatch):
    monkeypatch.setattr(kernel, "COMPILED", compiled and kernel.COMPILED)
    x = torch.randn(130, 200, generator=seeded())
    recording = Recording()
    with Largest() as seen:
        votes(x, 256, module=recording, rows=128)
    assert {rows.shape for rows in recording.passes} == {(128, 200)}
    assert len(recording.passes) == 260
    assert seen.most <= 4 * max(128 * 200, x.numel())


@pytest.mark.parametrize("rows", [0, -64, 1, 63, 100, 1000])
def test_passes_of_other_than_whole_blocks_are_refused(rows):
    with pytest.raises(InputError, match=str(rows)):
        Poll(NETWORK, NOISE, rows)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("answer", "message"),
    [(lambda x: x[:, 0, 0, 0], r"gives \(128,\)"), (lambda x: (x, x), "tuple"), (lambda x: x[1:, 0, 0], r"\(127, 5\)")],
)
def test_networks_that_give_no_logits_are_refused(answer, message):
    class Wrong(nn.Module):
        def forward(self, x):
            return answer(x)

    with pytest.raises(ShapeError, match=message):
        votes(module=Wrong(), rows=128)


@pytest.mark.parametrize("compiled", [False, True])
def test_counts_do_not_depend_on_memory_layout(compiled, monkeypatch):
    monkeypatch.setattr(kernel, "COMPILED", compiled and kernel.COMPILED)
    whole = votes()
    for x in (X.to(memory_format=torch.channels_last), X.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2)):
        assert torch.equal(votes(x), whole)
    flat = X.flatten(1)[:, :4]
    assert torch.equal(votes(flat.T.contiguous().T, module=Recording(3)), votes(flat.contiguous(), module=Recording(3)))


def test_polls_without_inputs_or_samples_are_refused():
    with pytest.raises(InputError, match="0 and 5"):
        votes(X[:0], 5)
    for samples in (0, -3):
        with pytest.raises(InputError, match=f"7 and {samples}"):
            votes(samples=samples)


class Mixing(nn.Module):
    """Compares each row with the mean of all."""

    def forward(self, x):
        m = x[:, :1] - x[:, :1].mean()
        return torch.cat([m, -m], 1)


class InGroups(nn.Module):
    """Normalises groups of rows, neighbours or not."""

    def __init__(self, size, apart):
        super().__init__()
        self.size, self.apart = size, apart

    def forward(self, x):
        groups = x.view(-1, self.size, x.shape[1]) if not self.apart else x.view(self.size, -1, x.shape[1]).mT
        m = (groups - groups.mean(1 if not self.apart else 0, keepdim=True)).reshape(len(x), -1)
        return torch.cat([m[:, :1], -m[:, :1]], 1)


class Restless(nn.Module):
    """Drops out in eval mode, too."""

    def forward(self, x):
        return torch.nn.functional.dropout(x[:, :2], 0.5, training=True)


@pytest.mark.parametrize(
    "network",
    [
        Mixing(),
        Restless(),
        *(InGroups(size, apart) for size in (2, 4, 16, 32) for apart in (False, True)),
        nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 2)),
    ],
)
def test_votes_that_depend_on_each_other_are_refused(network):
    smooth = SmoothedNetwork(network, Smoothing(NOISE))
    with pytest.raises(UnsupportedOpError, match="would not be independent"):
        smooth.predict(torch.rand(2, 3))


def test_the_check_is_no_matter_of_the_first_input():
    network = nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 2))
    for first in (math.nan, math.inf, 1e30):
        x = torch.rand(4, 3)
        x[0] = first
        with pytest.raises(UnsupportedOpError, match="would not be independent"):
            SmoothedNetwork(network, Smoothing(NOISE)).predict(x)


@pytest.mark.parametrize("given", [(torch.zeros(64, 2), 1), {"logits": 0}, torch.zeros(64), torch.zeros(3, 2)])
def test_what_gives_no_logits_is_refused_by_what_it_gives(given, unchecked):
    class Gives(nn.Module):
        def forward(self, x):
            return given

    with pytest.raises(ShapeError, match=r"gives logits \(64, classes\), but this one gives"):
        SmoothedNetwork(Gives(), Smoothing(NOISE)).predict(torch.rand(2, 3))
