"""Tables of numbers with a label in each row, as text."""

from pathlib import Path

import polars as pl
import torch

from hauberk.concepts.dataset import CLASSES, Dataset, Split
from hauberk.concepts.radius import require_within
from hauberk.errors import InputError
from hauberk.files import regular
from hauberk.ranges import Span

LARGEST = 2**33
"""Largest size of a file, in bytes."""
LABELS = ("label", "labels", "class", "target", "y")
"""The names by which the column of labels is found."""


class CsvFile(Dataset):
    """Examples as rows of numbers, one of whose columns is the label; the first row names the columns.

    Labels that are not integers are classes by their names, in alphabetical order. Inputs are float32 (n, features), in
    the order of the other columns. Both splits consist of all rows.

    Args:
        path: The file, with commas, or tabs if its name ends in .tsv.
        label: The name of the column of labels; by default the one that is called label, class, target or y.
        range: The least and largest value that an input may have; by default the range of all numbers in the file.
        name: The data set's name in records and tables; by default the file's name without its suffix.

    Raises:
        InputError: the file is missing or no such table, a cell is empty or no number, or no column holds labels.
    """

    def __init__(self, path: str, label: str | None = None, range: Span | None = None, name: str | None = None) -> None:
        table = read_table(path)
        column = label_column(path, table.columns, label)
        features = numbers(path, table.drop(column))
        if table[column].null_count():
            raise InputError(f"{path}: column {column!r} has {table[column].null_count()} rows without a label.")
        self.name = Path(path).name.split(".")[0] if name is None else name
        self.classes, labels = classes_of(path, table[column])
        self.shape = (features.shape[1],)
        self.range = (float(features.min()), float(features.max())) if range is None else range
        try:
            require_within(features, *self.range)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        self._split = Split(features, labels)

    def train(self) -> Split:
        return self._split

    def test(self) -> Split:
        return self._split


def read_table(path: str) -> pl.DataFrame:
    """Return the table in a file.

    Raises:
        InputError: it cannot be read, or holds no row.
    """
    try:
        table = pl.read_csv(
            regular(path, LARGEST), separator="\t" if path.endswith(".tsv") else ",", infer_schema=False
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} is no table of comma-separated values ({str(error)[:200]}).") from error
    if not len(table) or table.width < 2:
        raise InputError(f"{path} has {len(table)} rows and {table.width} columns: it needs examples and labels.")
    return table


def label_column(path: str, columns: list[str], given: str | None) -> str:
    """Return the name of the column of labels.

    Raises:
        InputError: there is no such column, or more than one may be it.
    """
    found = [name for name in columns if name == given or (given is None and name.lower() in LABELS)]
    if len(found) != 1:
        wanted = f"called {given!r}" if given is not None else f"called {', '.join(LABELS)}"
        raise InputError(
            f"{path} has {len(found)} columns {wanted}, among {', '.join(columns[:20])}: name one as label."
        )
    return found[0]


def numbers(path: str, table: pl.DataFrame) -> torch.Tensor:
    """Return columns as float32.

    Raises:
        InputError: a cell is empty or no number; the message names its column and row.
    """
    read = table.select(pl.all().str.strip_chars().cast(pl.Float64, strict=False).cast(pl.Float32))
    for name in read.columns:
        wrong = read[name].is_null() | ~read[name].is_finite()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise InputError(f"{path}: {table[name][row]!r} in column {name!r}, row {row + 2}, is no finite number.")
    return torch.from_numpy(read.to_numpy().copy())


def classes_of(path: str, column: pl.Series) -> tuple[tuple[str, ...], torch.Tensor]:
    """Return the names of the classes, and the labels of a column.

    Raises:
        InputError: a label is negative or a fraction, or there are too many.
    """
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    integers = numbers.cast(pl.Int64, strict=False)  # labels of a table that once had gaps are written 1.0
    if not numbers.null_count() and (integers.null_count() or not (numbers == integers).all()):
        raise InputError(f"{path}: labels are numbers, but not all integers; number the classes from 0.")
    if integers.null_count():
        names = sorted(set(column.to_list()))
        integers = column.replace_strict(names, list(range(len(names))), return_dtype=pl.Int64)
    else:
        least, most = int(integers.min() or 0), int(integers.max() or 0)  # pyright: ignore[reportArgumentType]
        if least < 0:
            raise InputError(f"{path}: label {least} is negative; number the classes from 0.")
        names = [str(number) for number in range(min(most, CLASSES) + 1)]
    if len(names) > CLASSES:
        raise InputError(f"{path} has more than {CLASSES:,} classes: name the column of labels as label.")
    return tuple(names), torch.from_numpy(integers.to_numpy().copy())
