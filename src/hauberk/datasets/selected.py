"""Training examples selected by a file."""

from pathlib import Path

import polars as pl
import torch

from hauberk.concepts.dataset import Dataset, Split
from hauberk.errors import InputError
from hauberk.parquet import read_parquet


class Selected(Dataset):
    """The training examples of another data set whose positions are listed in a file, and its whole test split.

    Args:
        data: The data set to select from.
        file: A Parquet file with a column `index` of positions in the training split, as `hauberk cascade` writes it.

    Raises:
        InputError: when the training split is read, if the file is missing or damaged, or names no examples or ones
            that do not exist.
    """

    def __init__(self, data: Dataset, file: str) -> None:
        self._data, self._file = data, Path(file)
        self.name = f"{data.name} (training examples of {file})"
        self.classes, self.shape, self.range = data.classes, data.shape, data.range

    def train(self) -> Split:
        split = self._data.train()
        try:
            index = read_parquet(self._file, len(split))["index"].cast(pl.Int64)
        except (pl.exceptions.PolarsError, OSError, ValueError) as error:
            raise InputError(f"{self._file} is no Parquet file with positions as `index`: {error}.") from error
        inside = index.is_between(0, len(split) - 1)
        if index.is_empty() or not inside.all(ignore_nulls=False):
            raise InputError(
                f"{self._file} must name some of the {len(split):,} training examples of {self._data.name}, but names "
                f"{len(index):,}, of which {inside.sum():,} are there."
            )
        return split.select(torch.tensor(index.to_list()))

    def test(self) -> Split:
        return self._data.test()
