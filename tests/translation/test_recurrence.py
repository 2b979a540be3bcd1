"""Recurrent layers written out: graphs compute what torch computes, and states are taken out of their stacks."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError

DTYPE = torch.float64


class Around(nn.Module):
    """A layer, and a function of what it returns."""

    def __init__(self, layer, function):
        super().__init__()
        self.layer, self.function = layer, function

    def forward(self, x):
        return self.function(self.layer, x)


def outputs(layer, x):
    return layer(x)[0].flatten(1)


def last_states(layer, x):
    _, (hidden, memory) = layer(x)
    return torch.cat([hidden[-2], hidden[-1], memory[0]], 1)


def given_zeros(layer, x):
    return layer(x, torch.zeros(1, x.size(0), 5, dtype=x.dtype))[1].squeeze(0)


def given_parameters(layer, x):
    state = torch.ones(2, 1, 5, dtype=x.dtype).expand(-1, x.size(0), -1)
    return layer(x, (state, 2 * state))[0].flatten(1)


def over_time(cell, x):
    state = None
    for i in range(x.shape[1]):
        state = cell(x[:, i], state)
    return state[0] if isinstance(state, tuple) else state


OPTIONS = {"batch_first": True}
NETWORKS = {
    "RNN": (nn.RNN(3, 5, **OPTIONS), outputs),
    "RNN of ReLUs": (nn.RNN(3, 5, 2, "relu", bias=False, **OPTIONS), outputs),
    "GRU": (nn.GRU(3, 5, 2, dropout=0.5, bidirectional=True, **OPTIONS), outputs),
    "LSTM": (nn.LSTM(3, 5, 2, bidirectional=True, bias=False, **OPTIONS), outputs),
    "projected LSTM": (nn.LSTM(3, 5, proj_size=2, bidirectional=True, **OPTIONS), outputs),
    "states of an LSTM": (nn.LSTM(3, 5, bidirectional=True, **OPTIONS), last_states),
    "a state that is given": (nn.GRU(3, 5, **OPTIONS), given_zeros),
    "states that are given": (nn.LSTM(3, 5, 2, **OPTIONS), given_parameters),
    "RNN cell": (nn.RNNCell(3, 5, nonlinearity="relu"), over_time),
    "GRU cell": (nn.GRUCell(3, 5, bias=False), over_time),
    "LSTM cell": (nn.LSTMCell(3, 5), over_time),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_computes_what_a_recurrent_network_computes(name):
    torch.manual_seed(0)
    module = Around(*NETWORKS[name]).to(DTYPE).eval()
    forward, x = type(module.layer).forward, torch.randn(2, 4, 3, dtype=DTYPE)
    graph = capture(module, x).frozen()
    assert type(module.layer).forward is forward
    with torch.no_grad():
        for batch in (x, x[:1], torch.cat([x, -x])):
            torch.testing.assert_close(graph(batch), module(batch), rtol=0, atol=1e-12)


REFUSED = {
    "time first": (nn.LSTM(3, 5), lambda layer, x: layer(x.transpose(0, 1))[0][-1], "first may be the batch"),
    "states summed": (nn.GRU(3, 5, 2, **OPTIONS), lambda layer, x: layer(x)[1].sum(0), r"x\[-1\]"),
    "one of two states": (nn.GRU(3, 5, 2, **OPTIONS), lambda layer, x: layer(x)[1].squeeze(0)[0], r"x\[-1\]"),
    "a stack of rows": (
        nn.Linear(3, 5),
        lambda layer, x: torch.stack([layer(x), -x @ x.mT @ layer(x)])[:, :, 0, 0].mT,
        r"x\[-1\]",
    ),
}


@pytest.mark.parametrize(("layer", "function", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_mixes_states_with_the_batch_is_refused(layer, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Around(layer, function), torch.rand(2, 4, 3))
