"""Reports of bound passes."""

import torch
from torch import nn

from hauberk.bounds import BackwardLinear
from hauberk.capture import capture
from hauberk.kernels.progress import listening, report
from hauberk.threats import LinfBall


def test_listeners_hear_of_every_chunk_and_group_of_rows_while_they_listen():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    x = torch.rand(2, 4, dtype=torch.float64)
    graph, S = capture(network, x).frozen(), LinfBall(1.0, None).at(x)
    heard = []
    with listening(lambda *told: heard.append(told)):
        BackwardLinear(budget=4 * 6 * 8).boxes(graph, S)  # a row at a time, so an example at a time
    report("nobody listens", 0, 1)
    assert {what for what, *_ in heard} == {f"bounds of {graph.nodes[2].name} (3 of 5)"}
    assert all(0 <= done < total for _, done, total in heard)
    assert max(done for _, done, _ in heard) >= 2
