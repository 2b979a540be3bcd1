"""What is accepted as a network."""

from collections import UserDict, namedtuple

import pytest
import torch
from torch import nn

from hauberk.accepted import called, classes, require_alike
from hauberk.errors import InputError, ShapeError

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))


class Gives(nn.Module):
    """A network that gives what a function makes of its logits."""

    def __init__(self, made, width=2):
        super().__init__()
        self.made, self.layer = made, nn.Linear(4, width)

    def forward(self, x):
        return self.made(self.layer(x))


class Output(UserDict):
    """An output as those of transformers: a mapping with attributes."""

    @property
    def logits(self):
        return self["logits"]


Named = namedtuple("Named", ["logits"])


@pytest.mark.parametrize(
    ("made", "advice"),
    [
        (lambda z: Output(logits=z), r"output\.logits"),
        (lambda z: Named(z), r"output\.logits"),
        (lambda z: {"logits": z}, r"output\['logits'\]"),
        (lambda z: (z, z), r"output\[0\]"),
        (lambda z: [z], r"output\[0\]"),
        (lambda z: None, "NoneType.*one tensor"),
        (lambda z: z.tolist(), r"output\[0\]"),
    ],
)
def test_networks_that_give_no_tensor_are_refused_with_what_to_return(made, advice):
    with pytest.raises(ShapeError, match=advice):
        classes(Gives(made), X)


@pytest.mark.parametrize("made", [lambda z: z[:, :1], lambda z: z[:, 0]], ids=["a column", "a number each"])
def test_a_single_logit_is_refused_with_how_to_make_two(made):
    with pytest.raises(ShapeError, match=r"torch\.cat\(\[-z, z\], 1\)"):
        classes(Gives(made), X)


@pytest.mark.parametrize(
    "made", [lambda z: z[:2], lambda z: z[:, :, None], lambda z: z.argmax(), lambda z: z.long()], ids=range(4)
)
def test_what_is_no_batch_of_logits_is_refused_with_its_shape(made):
    with pytest.raises(ShapeError, match=r"logits \(3, classes\)"):
        classes(Gives(made), X)


def test_the_number_of_classes_is_found_in_eval_mode_and_every_part_keeps_its_own_mode():
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 5)).train()
    network[0].eval()
    before = network[0].running_mean.clone()
    assert classes(network, X) == 5
    assert [part.training for part in network] == [False, True, True]
    assert torch.equal(network[0].running_mean, before)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(value):
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    with torch.no_grad():
        network[1].weight[0, 3] = value
    with pytest.raises(InputError, match=r"1\.weight .* 1 of 8 values"):
        classes(network, X)


def test_weights_without_values_are_refused_by_name():
    for network in (nn.Sequential(nn.LazyLinear(2)), nn.Sequential(nn.Linear(4, 2, device="meta"))):
        with pytest.raises(InputError, match=r"0\.weight .* no value yet"):
            classes(network, X)


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="first 3 inputs"):
        classes(Gives(lambda z: z * torch.nan), X)


@pytest.mark.parametrize("shape", [(4,), (3, 5), (3, 1, 4, 4)], ids=str)
def test_inputs_that_do_not_fit_are_refused_with_their_shape(shape):
    network = nn.Sequential(nn.Conv1d(3, 2, 2), nn.Flatten(1), nn.Linear(6, 2))
    assert classes(network, torch.zeros(1, 3, 4)) == 2
    with pytest.raises(InputError, match=rf"\({', '.join(map(str, shape))}"):
        classes(network, torch.zeros(shape))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("ask", [require_alike, called], ids=["asked", "called"])
def test_inputs_of_another_type_are_refused_with_both(ask, dtype):
    with pytest.raises(InputError, match=f"of type {dtype}, .*float32"):
        ask(nn.Linear(4, 2), X.to(dtype))


def test_inputs_on_another_device_are_refused_with_both():
    with pytest.raises(InputError, match=r"on meta, .* on cpu"):
        require_alike(nn.Linear(4, 2), X.to("meta"))
    with pytest.raises(InputError, match=r"on cpu, .* on meta"):
        require_alike(nn.Linear(4, 2, device="meta"), X)


@pytest.mark.parametrize("kind", [RuntimeError, KeyError, AssertionError])
def test_a_networks_own_errors_are_told_with_the_inputs_that_caused_them(kind):
    def broken(x):
        raise kind("of its own")

    with pytest.raises(InputError, match=r"fails on inputs of shape .*of its own") as told:
        called(broken, X)
    assert isinstance(told.value.__cause__, kind)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_refused(dtype):
    with pytest.raises(InputError, match=f"not in {dtype}"):
        classes(nn.Linear(4, 2).to(dtype), X.to(dtype))
