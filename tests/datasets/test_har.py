"""HAR's text files: what is read, and that every fault names its file and line."""

import numpy as np
import pytest
import torch

from hauberk.datasets import HAR
from hauberk.errors import InputError

NAMES = ["WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"]


def features(n):
    return np.random.default_rng(n).uniform(-1, 1, (n, 561))


def text(rows):
    """Rows as published: sixteen columns a number, three digits in the exponent."""
    return "".join("".join(f" {x: .7e}".replace("e-", "e-0").replace("e+", "e+0") for x in row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    """A valid data set of 7 training and 4 test examples."""
    root = tmp_path / "UCI HAR Dataset"
    for split, n in [("train", 7), ("test", 4)]:
        (root / split).mkdir(parents=True)
        (root / split / f"X_{split}.txt").write_text(text(features(n)))
        (root / split / f"y_{split}.txt").write_text("".join(f"{i % 6 + 1}\n" for i in range(n)))
    (root / "activity_labels.txt").write_text("".join(f"{number} {name}\n" for number, name in enumerate(NAMES, 1)))
    return root


def test_reads_both_splits_of_the_folder_or_the_one_above(folder):
    for path in (folder, folder.parent):
        dataset = HAR(str(path))
        train, test = dataset.train(), dataset.test()
        assert train.inputs.dtype == torch.float32
        assert np.allclose(train.inputs.numpy(), features(7), rtol=1e-6, atol=1e-7)
        assert train.labels.tolist() == [0, 1, 2, 3, 4, 5, 0]
        assert (len(test), test.labels.tolist()) == (4, [0, 1, 2, 3])
        assert (dataset.name, dataset.shape, dataset.range) == ("HAR", (561,), (-1.0, 1.0))
        assert dataset.classes == tuple(NAMES)


def test_keeps_the_ends_of_the_range(folder):
    rows = np.tile([-1.0, 0.0, 1.0], 187)[None].repeat(4, 0)
    (folder / "test" / "X_test.txt").write_text(text(rows))
    assert np.array_equal(HAR(str(folder)).test().inputs.numpy(), rows)


@pytest.mark.parametrize(("value", "shown"), [(1.001, "1.001"), (-7.0, "-7.0"), (np.nan, "nan"), (np.inf, "inf")])
@pytest.mark.parametrize("split", ["train", "test"])
def test_refuses_values_outside_the_range(folder, split, value, shown):
    rows = features(4)
    rows[2, 10] = value
    (folder / split / f"X_{split}.txt").write_text(text(rows))
    with pytest.raises(InputError, match=rf"X_{split}\.txt, line 3: feature 11 is {shown}.*, outside \[-1, 1\]"):
        HAR(str(folder)).train()


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        ("test/X_test.txt", text(features(2)) + text(features(1)[:, :560]), "line 3 has 560 numbers, not 561"),
        ("train/X_train.txt", text(np.zeros((1, 562))), "line 1 has 562 numbers"),
        ("test/X_test.txt", text(features(1)) + "\n" + text(features(2)), "line 2 has 0 numbers"),
        ("test/X_test.txt", text(features(1)) + " 0.5 none\n", "line 2: could not convert string to float: 'none'"),
        ("test/X_test.txt", text(features(3)), r"X_test.txt has 3 lines, but .*y_test.txt 4"),
        ("test/X_test.txt", "", "is empty"),
        ("test/X_test.txt", "é", "cannot be read as text"),
        ("test/y_test.txt", "1\n7\n1\n1\n", r"line 2: '7' is not a label in 1\.\.6"),
        ("train/y_train.txt", "1\n1\n0\n", r"line 3: '0' is not a label"),
        ("test/y_test.txt", "1.0\n", r"line 1: '1.0' is not a label"),
        ("test/y_test.txt", "1\n\n1\n1\n", r"line 2: '' is not a label"),
        ("activity_labels.txt", "1 WALKING\n3 SITTING\n", "line 2: expected '2 NAME', but found '3 SITTING'"),
        ("activity_labels.txt", "1\n", "line 1: expected '1 NAME', but found '1'"),
        ("activity_labels.txt", "1 WALKING\n", r"line 2: '2' is not a label in 1\.\.1"),
    ],
)
def test_refuses_a_faulty_file(folder, file, content, fault):
    (folder / file).write_text(content, "utf-8")
    with pytest.raises(InputError, match=fault) as caught:
        HAR(str(folder)).train()
    assert "line 2: '2'" in fault or file.split("/")[-1] in str(caught.value)


@pytest.mark.parametrize(
    "file", ["activity_labels.txt", "test/X_test.txt", "test/y_test.txt", "train/X_train.txt", "train/y_train.txt"]
)
def test_refuses_a_missing_file(folder, file):
    (folder / file).unlink()
    with pytest.raises(InputError, match=rf"{file} cannot be read"):
        HAR(str(folder)).train()
