from pathlib import Path

import pytest
import torch

from hauberk.datasets import CsvFile
from hauberk.errors import InputError


def table(folder: Path, text: str, name: str = "table.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_rows_are_examples_and_the_column_of_labels_is_found(tmp_path):
    data = CsvFile(table(tmp_path, "a,Label,b\n0.5,1,-1\n 0.25,0,1 \n"))
    split = data.test()
    assert torch.equal(split.inputs, torch.tensor([[0.5, -1.0], [0.25, 1.0]]))
    assert split.labels.tolist() == [1, 0]
    assert (data.name, data.classes, data.shape, data.range) == ("table", ("0", "1"), (2,), (-1.0, 1.0))
    assert torch.equal(data.train().inputs, split.inputs)


def test_labels_may_be_names_and_the_column_may_be_called_anything(tmp_path):
    data = CsvFile(table(tmp_path, "kind\tx\nfish\t1\nbird\t0\nfish\t0\n", "t.tsv"), label="kind", range=(0.0, 2.0))
    assert data.classes == ("bird", "fish")
    assert data.test().labels.tolist() == [1, 0, 1]
    assert data.range == (0.0, 2.0)


def test_integers_may_be_written_as_floats(tmp_path):
    data = CsvFile(table(tmp_path, "x,label\n" + "".join(f"0,{n}.0\n" for n in range(12))))
    assert data.test().labels.tolist() == list(range(12))
    assert data.classes == tuple(map(str, range(12)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table"),
        ("x,label\n", "0 rows"),
        ("label\n1\n", "1 columns"),
        ("x,z\n1,2\n", "0 columns called label"),
        ("label,y,x\n1,2,3\n", "2 columns called"),
        ("x,label\n1,\n", "without a label"),
        ("x,label\nabc,1\n", "'abc' in column 'x', row 2"),
        ("x,label\n1,0\n,1\n", "row 3"),
        ("x,label\nnan,1\n", "no finite number"),
        ("x,label\ninf,1\n", "no finite number"),
        ("x,label\n1,-2\n", "label -2 is negative"),
        ("x,label\n1,0.5\n1,1\n", "not all integers"),
        ("x,label\n1,inf\n1,1\n", "not all integers"),
        ("x,label\n1,99999999\n", "more than 100,000 classes"),
        ("x,label\n1,2,3\n", "no table"),
        ("x,label\n1e400,1\n", "no finite number"),
        ("x,label\n1e39,1\n", "finite"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, text, said):
    with pytest.raises(InputError) as refusal:
        CsvFile(table(tmp_path, text))
    assert said in str(refusal.value)


def test_other_mistakes_are_named(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        CsvFile(str(tmp_path / "no.csv"))
    with pytest.raises(InputError, match="0 columns called 'b'"):
        CsvFile(table(tmp_path, "x,label\n1,2\n"), label="b")
    with pytest.raises(InputError, match="reach from"):
        CsvFile(table(tmp_path, "x,label\n7,2\n"), range=(0.0, 1.0))
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00label\n\x00")
    with pytest.raises(InputError, match="bytes"):
        CsvFile(str(tmp_path / "bytes.csv"))
