import torch

from hauberk.concepts.box import Box
from hauberk.propagation.bound_certificate import runs


def test_a_network_runs_in_a_precision_up_to_its_largest_number_and_no_further():
    most = torch.finfo(torch.float32).max
    ends = torch.tensor([[1.0], [most], [2 * most], [torch.inf], [torch.nan]], dtype=torch.float64)
    box = Box(-ends, ends)
    for boxes in ([box], [Box(0 * ends.nan_to_num(0, 0, 0), 0 * ends.nan_to_num(0, 0, 0)), box]):
        assert runs(boxes, torch.float32).tolist() == [True, True, False, False, False]
