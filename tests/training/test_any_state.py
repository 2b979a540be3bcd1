"""Networks with unusual states: kept in checkpoints and resumed to the same bits, or refused before the first step."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from digits import digits
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer, WeightAveraging
from hauberk.weights import load_state, save_state
from longer import mostly_later

DATA, THREAT = digits(24), LinfBall(0.05)


class Unusual(nn.Module):
    """A linear network that counts its calls in a buffer, and holds something else."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(784, 8), nn.Linear(8, 10)
        self.register_buffer("calls", torch.zeros(()), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.calls += 1
        return self.last(self.first(x.flatten(1)).relu()) * (1 + 0.01 * self.calls)


def tied(network: Unusual) -> None:
    network.middle = nn.Linear(8, 8)
    network.again = network.middle
    network.other = nn.Linear(8, 8)
    network.other.weight = network.middle.weight
    network.last = nn.Sequential(network.middle, network.other, network.last)


def buffers(network: Unusual) -> None:
    whole = torch.arange(12.0).view(3, 4)
    held = {"whole": whole, "view": whole[1:], "turned": whole.t(), "empty": whole[:0], "single": torch.tensor(2)}
    held |= {"complex": torch.tensor([1 + 2j]), "conjugate": torch.tensor([1 + 2j]).conj(), "mask": whole > 3}
    held |= {"brain": whole.bfloat16(), "eighth": whole.to(torch.float8_e4m3fn), "byte": whole.byte()}
    for name, tensor in held.items():
        network.register_buffer(name, tensor)
    network.register_buffer("expanded", torch.ones(1).expand(5), persistent=False)


def normed(network: Unusual) -> None:
    parametrizations.weight_norm(network.first)
    parametrizations.spectral_norm(network.last)


def frozen(network: Unusual) -> None:
    network.first.requires_grad_(False)


def extra(network: Unusual, state: Any) -> None:
    kept = {"state": state}
    network.first.__class__ = type(
        "Extra",
        (nn.Linear,),
        {
            "get_extra_state": lambda self: kept["state"],
            "set_extra_state": lambda self, state: kept.update(state=state),
        },
    )


CHANGES = {
    "plain": lambda network: None,
    "tied": tied,
    "buffers": buffers,
    "normed": normed,
    "frozen": frozen,
    "words": lambda network: extra(network, {"version": [1, 2.5, None, "x"]}),
    "tensor": lambda network: extra(network, torch.arange(3)),
}


def made(change: str) -> Unusual:
    network = Unusual()
    CHANGES[change](network)
    return network


def fitted(network: nn.Module, folder: Path, **settings: Any) -> nn.Module:
    kwargs = {"resume": settings.pop("resume", False), "watch": settings.pop("watch", lambda record: None)}
    averaging = WeightAveraging(0.5)
    settings = {"batch": 8, "held_out": 0, "checkpoint_steps": 1, "log_steps": 1, "averaging": averaging} | settings
    Trainer(Natural(CrossEntropy()), 2, Constant(0.1), **settings).fit(network, DATA, THREAT, folder, **kwargs)
    return network


class KilledError(Exception):
    pass


def kill(record: dict) -> None:
    if record["step"] == 3:
        raise KilledError


@pytest.mark.parametrize("change", mostly_later(["tied", *CHANGES]))
def test_a_resumed_training_ends_as_an_undisturbed_one(change: str, tmp_path: Path):
    whole, resumed = fitted(made(change), tmp_path / "whole"), made(change)
    with pytest.raises(KilledError):
        fitted(made(change), tmp_path / "broken", watch=kill)
    fitted(resumed, tmp_path / "broken", resume=True)
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(one.equal(same) if isinstance(one, torch.Tensor) else one == same for one, same in pairs)
    assert resumed.calls == whole.calls == 6


QUANTISED = torch.quantize_per_tensor(torch.ones(2), 1, 0, torch.qint8)
REFUSED = {
    "expanded": (lambda network: network.register_buffer("wide", torch.ones(1).expand(5)), "memory"),
    "quantised": (
        lambda network: network.register_buffer("q", torch.quantize_per_tensor(torch.ones(2), 1, 0, torch.qint8)),
        ".",
    ),
    "sparse": (lambda network: network.register_buffer("s", torch.eye(2).to_sparse()), "."),
    "pair": (lambda network: extra(network, (1, 2)), "JSON"),
    "object": (lambda network: extra(network, {"module": nn.ReLU()}), "JSON"),
    "nan": (lambda network: extra(network, float("nan")), "JSON"),
    "lazy": (lambda network: setattr(network, "extra", nn.LazyLinear(3)), "lazy parameters"),
}


@pytest.mark.parametrize("what", mostly_later(REFUSED))
def test_what_cannot_be_kept_is_refused_before_anything_is_written(what: str, tmp_path: Path):
    network, (change, message) = Unusual(), REFUSED[what]
    change(network)
    with pytest.raises(InputError, match=message):
        fitted(network, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("setting", [{"lr": float("nan")}, {"lr": 0.1, "momentum": 2}, {"weight_decay": -1, "lr": 0.1}])
def test_settings_of_optimizers_that_make_no_sense_are_refused(setting: dict):
    with pytest.raises(InputError, match=r"SGD|optimizer"):
        Trainer(Natural(CrossEntropy()), 1, Constant(), optimizer=lambda weights: torch.optim.SGD(weights, **setting))


def test_a_state_comes_back_as_it_was(tmp_path: Path):
    state = made("buffers").state_dict() | {"extra": {"a": [1, None]}}
    save_state(state, tmp_path / "state.safetensors")
    back = load_state(tmp_path / "state.safetensors")
    assert back.keys() == state.keys()
    for name in back.keys() - {"extra"}:
        assert (back[name].dtype, back[name].shape) == (state[name].dtype, state[name].shape)
        assert back[name].float().equal(state[name].float()) or back[name].equal(state[name])
    assert back["extra"] == state["extra"]
    plain = (tmp_path / "plain").open("w").name
    assert (tmp_path / "state.safetensors").stat().st_mode == Path(plain).stat().st_mode
