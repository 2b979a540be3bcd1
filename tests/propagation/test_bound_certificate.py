"""What a network can run in."""

import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.propagation.bound_certificate import runs


def test_a_network_runs_in_a_precision_up_to_its_largest_number_and_no_further():
    most = torch.finfo(torch.float32).max
    ends = torch.tensor([[1.0], [most], [2 * most], [torch.inf], [torch.nan]], dtype=torch.float64)
    box = Box(-ends, ends)
    zero = Box(torch.zeros_like(ends), torch.zeros_like(ends))
    graph = capture(nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU()).double(), ends[:2]).frozen()
    with torch.no_grad():
        graph.nodes[0].op.weight.zero_()
    for boxes in ([zero, box, zero], [zero, zero, box], [zero, box, box]):
        assert runs(graph, boxes, torch.float32).tolist() == [True, True, False, False, False]


def test_a_sum_that_may_overflow_on_its_way_does_not_run():
    graph = capture(nn.Linear(2, 1), torch.zeros(2, 2)).frozen()
    with torch.no_grad():
        graph.nodes[0].op.weight.copy_(torch.tensor([[3e38, -3e38]]))
        graph.nodes[0].op.bias.zero_()
    for size, fits in ((0.4, True), (0.6, False)):
        ends = torch.full((1, 2), size)
        out = torch.ones(1, 1)
        assert runs(graph, [Box(-ends, ends), Box(-out, out)], torch.float32).tolist() == [fits]
