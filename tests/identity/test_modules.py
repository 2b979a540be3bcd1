"""Networks without their weights."""

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
