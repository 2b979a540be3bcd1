"""The tool that counts operators and waits sees what it should, and what one training step costs today."""

import threading
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.attacks import FGSM
from hauberk.bounds import Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.radius import rounded
from hauberk.concepts.schedule import Progress
from hauberk.losses import CrossEntropy
from hauberk.objectives import Adversarial, Certified, Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from laws.networks import images, labels, network
from step_counts import StepCounts

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
NUMBER, COUNTS = X[0, 0], torch.tensor([1, 0, 2])
INFERENCE = pytest.mark.parametrize("inference", [False, True], ids=["", "inference"])


WAITS = [
    ("aten._local_scalar_dense", lambda: NUMBER.item()),
    ("aten._local_scalar_dense", lambda: bool(NUMBER)),
    ("aten._local_scalar_dense", lambda: 1 if (X > 2).any() else 0),
    ("aten._local_scalar_dense", lambda: int(NUMBER)),
    ("aten._local_scalar_dense", lambda: float(NUMBER)),
    ("aten._local_scalar_dense", lambda: range(5)[COUNTS[0]]),
    ("aten._local_scalar_dense", lambda: torch.is_nonzero(NUMBER)),
    ("aten._local_scalar_dense", lambda: f"{NUMBER:.3f}"),
    ("aten.nonzero", lambda: X.nonzero()),
    ("aten.nonzero", lambda: X.nonzero(as_tuple=True)),
    ("aten.nonzero", lambda: torch.where(X > 0.5)),
    ("aten.index", lambda: X[X > 0.5]),
    ("aten.index", lambda: X[:, X[0] > 0.5]),
    ("aten.index_put_", lambda: X.clone().index_put_((X > -1,), X.flatten())),
    ("aten.masked_select", lambda: X.masked_select(X > 0.5)),
    ("aten._unique2", lambda: X.unique()),
    ("aten.unique_dim", lambda: X.unique(dim=0)),
    ("aten.unique_consecutive", lambda: X.unique_consecutive()),
    ("aten.equal", lambda: torch.equal(X, X + 0)),
    ("aten.allclose", lambda: torch.allclose(X, X)),
    ("aten.bincount", lambda: COUNTS.bincount()),
    ("aten.repeat_interleave", lambda: X.repeat_interleave(COUNTS, 0)),
    ("aten.multinomial", lambda: X.multinomial(2)),
    ("aten._linalg_check_errors", lambda: torch.linalg.inv(X[:, :3])),
    ("tolist", lambda: X.tolist()),
    ("cpu", lambda: X.cpu()),
    ("new_tensor", lambda: X.new_tensor(2.0)),
    ("tensor", lambda: torch.tensor([2.0], device=X.device)),
    ("as_tensor", lambda: torch.as_tensor(2.0, device=X.device)),
]
NONE = {
    "arithmetic": lambda: (X * 2 + X.sum()).relu().amax(1),
    "a new tensor on the host": lambda: torch.tensor([2.0]),
    "a tensor as it is": lambda: torch.as_tensor(X, device=X.device),
    "rows by number": lambda: X[COUNTS],
    "a filled mask": lambda: X.clone().__setitem__(X > 0.5, 0.0),
    "a choice": lambda: torch.where(X > 0.5, X, 0),
    "repeats of a known size": lambda: X.repeat_interleave(COUNTS, 0, output_size=3),
    "equal repeats": lambda: X.repeat_interleave(3, 0),
    "an assertion on the device": lambda: torch._assert_async((X < 2).all()),
    "shapes": lambda: (X.shape, len(X), X.stride(), X.numel(), X.is_floating_point()),
}
VIEWS = {
    "view": lambda: X.view(4, 3),
    "reshape": lambda: X.reshape(-1),
    "flatten": lambda: X.flatten(),
    "contiguous": lambda: X.contiguous(),
    "transpose": lambda: X.t().transpose(0, 1).T.mT.permute(1, 0),
    "expand": lambda: X.expand(2, 3, 4).expand_as(X.expand(5, 2, 3, 4)),
    "select": lambda: X[0, 1:3][..., None],
    "split": lambda: (X.split(2), X.chunk(2), X.unbind(), [*X]),
    "detach": lambda: X.detach(),
    "as_strided": lambda: X.as_strided((2,), (1,)),
    "unsafe view": lambda: torch.ops.aten._unsafe_view(X, [12]),
    "in place": lambda: X.detach().unsqueeze_(0).squeeze_(0).t_(),
    "empty": lambda: (torch.empty(3), torch.empty_like(X), X.new_empty(2), torch.empty_strided((2,), (1,))),
    "metadata": NONE["shapes"],
}


@INFERENCE
@pytest.mark.parametrize(("name", "run"), WAITS)
def test_every_kind_of_wait_is_seen_with_its_place(name, run, inference):
    with torch.inference_mode(inference), StepCounts() as counts:
        run()
    assert counts.waits == [(name, f"tests/{Path(__file__).name}:{run.__code__.co_firstlineno}")]


@INFERENCE
@pytest.mark.parametrize("run", NONE.values(), ids=NONE)
def test_what_does_not_wait_is_not_taken_for_a_wait(run, inference):
    with torch.inference_mode(inference), StepCounts() as counts:
        run()
    assert not counts.waits


@INFERENCE
@pytest.mark.parametrize("run", VIEWS.values(), ids=VIEWS)
def test_views_and_memory_without_content_are_no_operations(run, inference):
    with torch.inference_mode(inference), StepCounts() as counts:
        run()
    assert not counts.operations
    assert not counts.waits


@INFERENCE
def test_operations_are_counted_by_name_and_copies_that_views_need_too(inference):
    with torch.inference_mode(inference), StepCounts() as counts:
        F.linear(X, X, X[:, 0]).add_(1).add(2)
        X.t().reshape(-1)
        torch._foreach_add_([X.clone(), X.clone()], 1)
    found = {"aten.addmm": 1, "aten.add_": 1, "aten.add": 1, "aten.clone": 3, "aten._foreach_add_": 1}
    assert counts.operations == found


def test_custom_operators_count_as_one():
    with torch.library._scoped_library("step_counts", "FRAGMENT") as library:
        library.define("double(Tensor x) -> Tensor")
        library.impl("double", lambda x: x + x + 0, "CPU")
        with StepCounts() as counts:
            torch.ops.step_counts.double(X)
    assert counts.operations == {"step_counts.double": 1}


def test_copies_between_devices_are_waits_unless_they_need_not_block():
    far = torch.ones(2, device="meta")  # has no content to copy, but the copy is seen first
    with StepCounts() as counts:
        for run in (far.cpu, lambda: far.to("cpu"), lambda: torch.ones(2).copy_(far)):
            with pytest.raises(NotImplementedError):
                run()
        with pytest.raises(NotImplementedError):
            far.to("cpu", non_blocking=True)
        far.to(torch.float64)
    assert [name for name, _ in counts.waits] == ["aten._to_copy", "aten._to_copy", "aten.copy_"]


def test_selecting_by_a_mask_waits_again_in_the_backward_pass():
    with StepCounts() as counts:
        x = X.clone().requires_grad_()
        x[x > 0.5].sum().backward()
    assert [name for name, _ in counts.waits] == ["aten.index", "aten.index_put"]


class Peeking(torch.autograd.Function):
    """The identity, whose gradient is looked at."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        Peeking.thread = threading.get_ident()
        grad.sum().item()
        grad.tolist()
        return grad


def test_backward_passes_are_counted_too():
    weight = X.clone().requires_grad_()
    with StepCounts() as forward:
        loss = (Peeking.apply(X @ weight.T)).relu().sum()
    assert forward.operations == {"aten.mm": 1, "aten.clone": 1, "aten.relu": 1, "aten.sum": 1}
    assert not forward.waits
    with StepCounts() as backward:
        loss.backward()
    assert backward.operations["aten.threshold_backward"] == 1
    assert backward.operations["aten.mm"] == 1
    line = Peeking.backward.__code__.co_firstlineno
    places = [f"tests/{Path(__file__).name}:{line + down}" for down in (3, 4)]
    assert backward.waits == [("aten._local_scalar_dense", places[0]), ("tolist", places[1])]
    assert Peeking.thread == threading.get_ident()


def test_waits_in_the_package_have_their_place_there_and_those_in_allowed_functions_do_not_count():
    with StepCounts() as counts:
        rounded((0.0, 1.0), torch.float32)
    ((name, place),) = counts.waits
    assert name == "tolist"
    file, line = place.split(":")
    source = Path(__file__).parents[1] / file
    assert file == "src/hauberk/concepts/radius.py"
    assert ".tolist()" in source.read_text(encoding="utf-8").splitlines()[int(line) - 1]
    with StepCounts(allow={"rounded"}) as counts:
        rounded((0.0, 1.0), torch.float32)
        X.tolist()
    assert len(counts.waits) == 1
    with StepCounts(allow={"Peeking.backward"}) as counts:
        Peeking.apply(X.clone().requires_grad_()).sum().backward()
    assert not counts.waits


def test_nothing_is_left_behind():
    before = torch.tensor, torch.as_tensor, torch.Tensor.tolist, {*vars(torch.Tensor)}
    with pytest.raises(ZeroDivisionError), StepCounts() as counts:
        _ = X.tolist(), 1 / 0
    assert (torch.tensor, torch.as_tensor, torch.Tensor.tolist, {*vars(torch.Tensor)}) == before
    X.tolist(), X.sum().item()
    assert len(counts.waits) == 1


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [(torch.optim.SGD, {}), (torch.optim.Adam, {"foreach": True}), (torch.optim.Adam, {"foreach": False})],
    ids=["SGD", "Adam", "Adam, one by one"],
)
def test_a_plain_training_step_never_waits(optimizer, options):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    updates = optimizer(model.parameters(), lr=0.01, **options)
    for _ in range(2):
        with StepCounts() as counts:
            updates.zero_grad()
            F.cross_entropy(model(X), COUNTS).backward()
            updates.step()
    assert not counts.waits
    assert counts.operations["aten.addmm"] == 2
    assert counts.operations["aten.mm"] == 3  # gradients of two weights and of one input


# On the host by design: the ends of the valid range, and labels, which are checked on the CPU alone.
ON_HOST = {"rounded", "LinearSpec.margins"}
LOSS = CrossEntropy()
# Each threat.at(x) reads the range of the inputs (require_within); the trainer reads that later on an accelerator.
MOST_WAITS = [
    (Natural(LOSS), 0),
    (Adversarial(FGSM(LOSS), LOSS), 1),
    (Certified(Interval(), LOSS, Constant(0.5)), 1),
]


@pytest.mark.parametrize(("objective", "most"), MOST_WAITS, ids=lambda given: type(given).__name__)
@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_a_training_step_waits_no_more_often_than_today(name, objective, most):
    graph, x, y = network(name, 1, dtype=torch.float32), images(12, 1, torch.float32), labels(12, 1)
    noise = Noise.of(0, torch.arange(12))
    updates = torch.optim.SGD(graph.module.parameters(), lr=0.01)
    graph.module.train()
    try:
        for _ in range(2):  # the first step may compute what later ones keep
            with StepCounts(ON_HOST) as counts:
                updates.zero_grad()
                value = objective(graph, x, y, LinfBall(0.05), progress=Progress(5, 20, 5, 0.4), noise=noise)
                value.loss.backward()
                updates.step()
    finally:
        graph.module.eval()
    assert len(counts.waits) <= most, counts.waits
    assert counts.operations
