"""ELU and CELU: which of them are bounded."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.errors import UnsupportedOpError
from hauberk.ops.elu import CELU


@pytest.mark.parametrize("module", [nn.ELU(0.5), nn.ELU(2.0), nn.CELU(-1.0)], ids=str)
def test_functions_whose_slope_jumps_are_refused(module):
    with pytest.raises(UnsupportedOpError, match="alpha"):
        capture(module, torch.zeros(2, 3))


def test_where_it_is_the_identity_the_lines_are_too():
    low = torch.tensor([[0.0, 0.5, 3.0]], dtype=torch.float64)
    for lines in (CELU(0.7).relax(Box(low, low + 2)), CELU(0.7).relax_parallel(Box(low, low + 2))):
        for slope in (lines.lower_slope, lines.upper_slope):
            torch.testing.assert_close(slope, torch.ones_like(low), rtol=0, atol=1e-14)
        for intercept in (lines.lower_intercept, lines.upper_intercept):
            torch.testing.assert_close(intercept, torch.zeros_like(low), rtol=0, atol=1e-13)
