"""Networks without their weights."""

from collections import OrderedDict

import torch
from torch import nn

from hauberk.identity import Structure, differences, identity


def test_the_structure_of_a_network_has_no_weights():
    torch.manual_seed(3)
    networks = [
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LSTM(4, 2), nn.Dropout(p)) for p in (0.1, 0.1, 0.2)
    ]
    one, alike, other = (identity(Structure(network)) for network in networks)
    assert one == alike
    assert differences(one, other) == ["3.p: 0.1 there, 0.2 here"]
    assert differences(one, identity(Structure(networks[0].double())))
    old = [nn.utils.weight_norm(nn.Linear(2, 2)) for _ in range(2)]  # keeps its product as a plain attribute
    assert identity(Structure(old[0])) == identity(Structure(old[1]))
    for network in networks[1:]:
        network[0].siblings = [network]
    tree = identity(Structure(networks[1]))
    assert tree["0"]["siblings"] == ["the one 3 levels up"]
    assert differences(tree, identity(Structure(networks[2]))) == ["3.p: 0.1 there, 0.2 here"]


def test_the_order_of_layers_counts():
    layers = {"first": nn.Linear(3, 3), "second": nn.ReLU()}
    there, here = (nn.Sequential(OrderedDict(pairs)) for pairs in (layers.items(), reversed(layers.items())))
    assert identity(there) != identity(here)
    assert identity(Structure(there)) != identity(Structure(here))
    again = nn.Sequential(OrderedDict(layers.items()))
    assert identity(there) == identity(again)


def test_a_layer_called_hooks_counts_beside_hooks():
    found = []
    for layer in (nn.ReLU(), nn.Tanh()):
        network = nn.Sequential(OrderedDict(hooks=layer))
        network.register_forward_hook(leave)
        found.append(identity(network))
    assert found[0] != found[1]


def leave(module, given, result):
    return result


def test_weights_that_a_state_leaves_out_count():
    def network(value):
        made = nn.Linear(2, 2, bias=False)
        nn.init.constant_(made.weight, value)
        made._register_state_dict_hook(lambda module, state, prefix, about: state.clear())
        return made

    assert identity(network(1.0)) != identity(network(2.0))


def test_settings_deep_within_a_layer_count():
    class Inner:
        def __init__(self, value):
            self.value = value

    class Outer:
        def __init__(self, value):
            self.inner = Inner(value)

    def network(value):
        made = nn.Linear(2, 2)
        nn.init.zeros_(made.weight)
        nn.init.zeros_(made.bias)
        made.settings = Outer(value)
        return made

    assert identity(network(1)) != identity(network(2))
    assert identity(network(1)) == identity(network(1))
