from pathlib import Path

import polars as pl
import pytest
import torch

from hauberk.datasets import MNIST, Selected
from hauberk.errors import InputError


def test_it_holds_the_named_training_examples_and_every_test_example(tmp_path: Path):
    file, whole = tmp_path / "examples.parquet", MNIST()
    pl.DataFrame({"index": [3, 5, 59_999]}).write_parquet(file)
    data = Selected(whole, str(file))
    assert torch.equal(data.train().inputs, whole.train().inputs[[3, 5, 59_999]])
    assert torch.equal(data.train().labels, whole.train().labels[[3, 5, 59_999]])
    assert torch.equal(data.test().labels, whole.test().labels)
    assert (data.shape, data.range, data.classes) == (whole.shape, whole.range, whole.classes)
    assert data.name == f"MNIST (training examples of {file})"


@pytest.mark.parametrize("index", [[], [0, 60_000], [-1], [None]])
def test_positions_that_are_not_there_are_refused(index: list, tmp_path: Path):
    file = tmp_path / "examples.parquet"
    pl.DataFrame({"index": index}, schema={"index": pl.Int64}).write_parquet(file)
    with pytest.raises(InputError, match="60,000 training examples of MNIST"):
        Selected(MNIST(), str(file)).train()


def test_a_file_without_positions_is_refused(tmp_path: Path):
    file = tmp_path / "examples.parquet"
    with pytest.raises(InputError, match=r"examples\.parquet"):
        Selected(MNIST(), str(file)).train()
    pl.DataFrame({"index": ["first"]}).write_parquet(file)
    with pytest.raises(InputError, match=r"examples\.parquet"):
        Selected(MNIST(), str(file)).train()
