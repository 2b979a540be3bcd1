"""Networks with weights from a file."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from hauberk.errors import InputError
from hauberk.layers import Pretrained


def test_the_weights_are_the_files(tmp_path):
    torch.manual_seed(0)
    saved, other = nn.Linear(3, 2), nn.Linear(3, 2)
    save_file({f"own.{name}": part for name, part in saved.state_dict().items()}, tmp_path / "weights.safetensors")
    network = Pretrained(other, str(tmp_path / "weights.safetensors"), prefix="own.")
    x = torch.randn(4, 3)
    assert torch.equal(network(x), saved(x))


def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path):
    save_file(nn.Linear(3, 4).state_dict(), tmp_path / "other.safetensors")
    for file in ("other.safetensors", "missing.safetensors"):
        with pytest.raises(InputError, match=file):
            Pretrained(nn.Linear(3, 2), str(tmp_path / file))


def test_a_prefix_that_no_weight_has_is_refused(tmp_path):
    save_file(nn.Linear(3, 2).state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"begin with 'own\.'"):
        Pretrained(nn.ReLU(), str(tmp_path / "weights.safetensors"), prefix="own.")
