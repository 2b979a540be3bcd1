"""Data sets in .npz files: the usual layouts, and that every fault names its file."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hauberk.datasets import NpzFile
from hauberk.errors import InputError, ShapeError

CIFAR = Path(__file__).parents[2] / "../shared/data/cifar10-exact-test-1k.npz"

IMAGES = (np.arange(4 * 3 * 8 * 6) % 256).astype(np.uint8).reshape(4, 3, 8, 6)
LABELS = np.array([0, 1, 2, 1])


@pytest.fixture
def save(tmp_path):
    """A function that saves arrays as an .npz file and returns its path."""

    def save(name="data.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return str(tmp_path / name)

    return save


def test_reads_both_splits_of_one_file(save):
    dataset = NpzFile(save(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:3, :, ::2], y_test=LABELS[:3]))
    assert dataset.shape == (3, 4, 6)
    with pytest.raises(ShapeError, match=r"data\.npz: the training images are \(3, 8, 6\)"):
        dataset.train()

    dataset = NpzFile(save(train_images=IMAGES, train_labels=LABELS, test_images=IMAGES[:3], test_labels=LABELS[:3]))
    assert np.array_equal(dataset.train().inputs.numpy(), IMAGES)
    assert dataset.train().labels.tolist() == LABELS.tolist()
    assert dataset.train().labels.dtype == torch.int64
    assert np.array_equal(dataset.test().inputs.numpy(), IMAGES[:3])
    assert dataset.shape == (3, 8, 6)
    assert dataset.classes == ("0", "1", "2")
    assert (dataset.name, dataset.range) == ("data", (0.0, 1.0))


def test_a_single_pair_is_the_test_split(save):
    dataset = NpzFile(save(images=IMAGES, labels=LABELS), classes=["cat", "dog", "owl", "eel"], name="animals")
    assert len(dataset.test()) == 4
    assert (dataset.name, dataset.classes) == ("animals", ("cat", "dog", "owl", "eel"))
    with pytest.raises(
        InputError, match=r"data\.npz has no train split: it holds the arrays images, labels.*train_keys"
    ):
        dataset.train()


def test_reads_two_files(save):
    train = save("train.npz", images=IMAGES, labels=LABELS)
    test = save("test.npz", images=IMAGES[1:], labels=LABELS[1:])
    dataset = NpzFile(train, test_path=test)
    assert (len(dataset.train()), len(dataset.test())) == (4, 3)


def test_reads_keys_of_any_name(save):
    path = save(a=IMAGES, b=LABELS, c=IMAGES[1:], d=LABELS[1:])
    dataset = NpzFile(path, train_keys=("a", "b"), test_keys=("c", "d"))
    assert (len(dataset.train()), len(dataset.test())) == (4, 3)


def test_gives_grey_images_a_channel(save):
    assert torch.equal(
        NpzFile(save(images=IMAGES[:, 0], labels=LABELS)).test().inputs, torch.from_numpy(IMAGES[:, :1].copy())
    )


def test_turns_round_channels_last_only_when_told(save):
    path = save(images=np.moveaxis(IMAGES, 1, -1), labels=LABELS[:, None])
    dataset = NpzFile(path, channels_last=True)
    assert np.array_equal(dataset.test().inputs.numpy(), IMAGES)
    assert dataset.test().labels.tolist() == LABELS.tolist()
    with pytest.raises(ShapeError, match=r"data\.npz, array 'images'.*channels_last=True"):
        NpzFile(path)


def test_keeps_floats_within_the_range(save):
    values = np.linspace(-1, 1, 4 * 6).reshape(4, 1, 2, 3)
    dataset = NpzFile(save(images=values, labels=LABELS), range=(-1.0, 1.0))
    x, _ = dataset.test().batch(slice(None))
    assert x.dtype == torch.float32
    assert torch.equal(x, torch.from_numpy(values).float())
    assert dataset.range == (-1.0, 1.0)


FLOATS = IMAGES / 255


def with_value(value):
    array = FLOATS.copy()
    array[2, 0, 3, 3] = value
    return array


@pytest.mark.parametrize(
    ("images", "labels", "error", "fault"),
    [
        (with_value(np.nan), LABELS, InputError, r"'images': inputs must lie in"),
        (with_value(np.inf), LABELS, InputError, r"'images': inputs must lie in"),
        (with_value(1.01), LABELS, InputError, r"'images': inputs must lie in .* to 1\.01"),
        (with_value(-0.01), LABELS, InputError, r"'images': inputs must lie in .* -0\.01"),
        (IMAGES.astype(np.int64), LABELS, ShapeError, r"'images': images must be uint8 .* int64"),
        (IMAGES > 9, LABELS, ShapeError, r"'images': images must be uint8 .* bool"),
        (IMAGES.astype(object), LABELS, InputError, r"'images': cannot be read.*Python objects are never loaded"),
        (IMAGES.reshape(4, -1), LABELS, ShapeError, r"'images': images must be .* shape \(4, 144\)"),
        (IMAGES[None], LABELS, ShapeError, r"'images': images must be .* shape \(1, 4, 3, 8, 6\)"),
        (IMAGES[:0], LABELS[:0], ShapeError, r"'images': images must be non-empty"),
        (IMAGES, LABELS[:3], InputError, r"'images' holds 4 images, but .*'labels' 3 labels"),
        (IMAGES, LABELS.astype(float), ShapeError, r"'labels': labels must be integers, but are float64"),
        (IMAGES, LABELS.astype(object), InputError, r"'labels': cannot be read.*Python objects are never loaded"),
        (IMAGES, np.eye(4, dtype=int), ShapeError, r"'labels': labels must be one integer per image"),
        (IMAGES, LABELS - 1, InputError, r"'labels': label -1 is negative"),
        (IMAGES, LABELS + 1, InputError, r"label 3 lies outside 0\.\.2"),
    ],
)
def test_refuses_faulty_arrays(save, images, labels, error, fault):
    with pytest.raises(error, match=rf"data\.npz.*{fault}"):
        NpzFile(save(images=images, labels=labels), classes=["a", "b", "c"])


def test_refuses_training_labels_beyond_the_classes(save):
    dataset = NpzFile(save(x_train=IMAGES, y_train=LABELS + 1, x_test=IMAGES, y_test=LABELS))
    with pytest.raises(InputError, match=r"data\.npz: label 3 lies outside 0\.\.2; pass the names"):
        dataset.train()


def test_refuses_a_range_for_pixels(save):
    with pytest.raises(InputError, match=r"data\.npz, array 'images': uint8 pixels become 0 to 1"):
        NpzFile(save(images=IMAGES, labels=LABELS), range=(-1.0, 1.0))


def test_refuses_keys_that_are_not_there(save):
    with pytest.raises(InputError, match=r"data\.npz has no test split: .* but not x and labels; .*`test_keys`"):
        NpzFile(save(images=IMAGES, labels=LABELS), test_keys=("x", "labels"))


def test_refuses_files_that_are_no_npz(tmp_path, save):
    whole = Path(save(images=IMAGES, labels=LABELS)).read_bytes()
    contents = {"empty.npz": b"", "text.npz": b"<html>not found</html>", "cut.npz": whole[: len(whole) // 2]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "bare.npy", IMAGES)
    for name in [*contents, "bare.npy", "absent.npz"]:
        with pytest.raises(InputError, match=rf"{name}: cannot be read"):
            NpzFile(str(tmp_path / name))


def test_names_the_array_that_is_damaged(tmp_path, save):
    path = Path(save(images=IMAGES, labels=LABELS))
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("images.npy").header_offset
    content = bytearray(path.read_bytes())
    content[start + 300] ^= 1  # among the pixels: the archive's checksum no longer fits
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.npz, array 'images': cannot be read"):
        NpzFile(str(path))


def test_never_unpickles(tmp_path, save):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    with pytest.raises(InputError, match=r"data\.npz, array 'images': cannot be read"):
        NpzFile(save(images=np.array([Trap()], dtype=object), labels=LABELS))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.skipif(not CIFAR.exists(), reason="the exact CIFAR-10 test images are not beside this checkout")
def test_exact_cifar10_test_images():
    dataset = NpzFile(str(CIFAR))
    test = dataset.test()
    assert test.inputs.dtype == torch.uint8
    assert dataset.shape == (3, 32, 32)
    assert len(dataset.classes) == 10
    assert len(test) >= 1000
    assert test.labels.bincount().min() > 50
    with pytest.raises(InputError, match="has no train split"):
        dataset.train()
