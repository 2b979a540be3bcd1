"""Class folders of images, on disk and in archives: what is read, and that every fault names its file."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from hauberk.datasets import ImageFolder
from hauberk.datasets import image_folder as module
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer

JPEGS = Path(__file__).parents[2] / "../shared/data/cifar10-jpeg.tar.xz"


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encode(image, form="PNG", **options):
    content = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(content, form, **options)
    return content.getvalue()


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return str(root)


def tree(test="test"):
    """Two classes, two training images and one test image of each, in no order."""
    names = ["train/cat/b.png", "train/cat/a.png", "train/ape/9.PNG", "train/ape/10.png", f"{test}/cat/a.png"]
    return {name: encode(noise(4, 4, seed)) for seed, name in enumerate([*names, f"{test}/ape/x.png"])}


def pack(path, files):
    with tarfile.open(path, "w:" + path.suffix[1:].replace("tar", "")) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return str(path)


def one(tmp_path, content, size=4, resize=None, name="a.png"):
    """The only image of a data set."""
    return ImageFolder(write(tmp_path, {f"test/x/{name}": content}), size, resize).test().inputs[0]


def assert_tiny(dataset):
    train, test = dataset.train(), dataset.test()
    assert train.inputs.dtype == torch.uint8
    assert train.inputs.shape == (4, 3, 4, 4)
    for image, seed in zip([*train.inputs, *test.inputs], [3, 1, 2, 0, 5, 4], strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), noise(4, 4, seed))
    assert train.labels.tolist() == [0, 1, 0, 1]
    assert test.labels.tolist() == [0, 1]
    assert (dataset.classes, dataset.shape, dataset.range) == (("ape", "cat"), (3, 4, 4), (0.0, 1.0))


@pytest.mark.parametrize("test", ["test", "val"])
def test_reads_a_folder_class_by_class_in_turn(tmp_path, test):
    dataset = ImageFolder(write(tmp_path / "beasts", tree(test)), 4)
    assert_tiny(dataset)
    assert dataset.name == "beasts"
    assert ImageFolder(str(tmp_path / "beasts"), 4, name="Apes & cats").name == "Apes & cats"


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_reads_an_archive_without_unpacking_it(tmp_path, suffix):
    dataset = ImageFolder(pack(tmp_path / f"beasts.{suffix}", tree()), 4)
    assert_tiny(dataset)
    assert dataset.name == "beasts"
    assert len(os.listdir(tmp_path)) == 1


def test_passes_over_what_is_hidden_or_elsewhere(tmp_path):
    others = {"train/cat/.DS_Store": b"", "train/.cache/x.png": b"", "readme.txt": b"", "train/list.txt": b""}
    assert_tiny(ImageFolder(write(tmp_path, tree() | others), 4))


def test_test_comes_before_val(tmp_path):
    assert_tiny(ImageFolder(write(tmp_path, tree() | {"val/cat/a.png": b"", "val/dog/a.png": b""}), 4))


def test_a_test_split_may_stand_alone(tmp_path):
    dataset = ImageFolder(write(tmp_path, {"val/cat/a.png": encode(noise(4, 4, 0))}), 4)
    assert len(dataset.test()) == 1
    with pytest.raises(InputError, match=r"has no images train/<class>/<file>"):
        dataset.train()
    with pytest.raises(InputError, match=r"has no images test/<class>/<file>"):
        ImageFolder(write(tmp_path / "val", {}), 4)


def test_classes_of_different_sizes_take_turns_as_long_as_they_last():
    files = ["train/b/2", "train/a/1", "train/b/1", "train/b/3", "train/c/1", "train/c/2"]
    expected = ["train/a/1", "train/b/1", "train/c/1", "train/b/2", "train/c/2", "train/b/3"]
    assert module.in_turns(files) == expected


def test_the_centre_of_a_wide_and_a_high_image_is_kept(tmp_path):
    wide = noise(4, 10, 0)
    assert np.array_equal(one(tmp_path / "wide", encode(wide)).permute(1, 2, 0).numpy(), wide[:, 3:7])
    high = noise(11, 5, 1)
    assert np.array_equal(one(tmp_path / "high", encode(high), 3, 5).permute(1, 2, 0).numpy(), high[4:7, 1:4])


def test_shrinking_averages_and_growing_interpolates(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255  # a bilinear sample without antialiasing sees stripes of its own
    assert (one(tmp_path / "stripes", encode(stripes), 8).int() - 128).abs().max() <= 8
    ramp = np.broadcast_to(np.arange(0, 160, 20, dtype=np.uint8)[:, None, None], (8, 8, 3))
    grown = one(tmp_path / "ramp", encode(np.ascontiguousarray(ramp)), 4, 16)
    assert grown[0, :, 0].tolist() == [55, 65, 75, 85]  # centres 6.25 .. 7.75 of 16 in steps of 20 / 2, halves rounded


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA"])
def test_other_modes_become_rgb(tmp_path, mode):
    grey = Image.fromarray(noise(4, 4, 0)).convert(mode)
    assert np.array_equal(one(tmp_path, encode(grey)).permute(1, 2, 0).numpy(), np.array(grey.convert("RGB")))


def test_palettes_become_rgb(tmp_path, recwarn):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 200, 100, 50])
    found = one(tmp_path, encode(image, transparency=b"\x00\xff"))
    assert found[:, 2, 1].tolist() == [200, 100, 50]
    assert not [warning for warning in recwarn if "alette" in str(warning.message)]


def test_printing_colours_become_rgb(tmp_path):
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = one(tmp_path, encode(image, "JPEG", quality=100), 8, name="a.jpg")[:, 4, 4].tolist()
    assert red > 240
    assert max(green, blue) < 15


PIXELS = noise(40, 40, 0)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.jpg", encode(PIXELS, "JPEG")[:-400], "truncated"),
        ("a.png", encode(PIXELS)[:-400], "truncated"),
        ("a.png", encode(PIXELS)[:20], ""),
        ("a.png", b"", "cannot identify"),
        ("a.png", b"<html>not found</html>", "cannot identify"),
        ("a.png", encode(PIXELS, "BMP"), "cannot identify"),
        ("a.png", encode(PIXELS, "TIFF"), "cannot identify"),
        ("a.png", encode(np.full((4, 4), 40_000, np.uint16)), "mode I;16.*8 bits a channel"),
    ],
)
def test_refuses_what_is_no_whole_image(tmp_path, name, content, fault):
    with pytest.raises(InputError, match=rf"test/x/{name} cannot be read as a JPEG or PNG image \(.*{fault}"):
        one(tmp_path, content, name=name)


@pytest.mark.parametrize("suffix", ["", ".txt", ".bmp"])
def test_refuses_other_files(tmp_path, suffix):
    path = write(tmp_path, tree() | {f"train/cat/other{suffix}": b""})
    with pytest.raises(InputError, match=rf"train/cat/other{suffix} is neither \.jpg, \.jpeg nor \.png"):
        ImageFolder(path, 4).train()


def test_refuses_decompression_bombs(tmp_path):
    bomb = encode(Image.new("1", (9000, 9000)))
    assert len(bomb) < 20_000
    with pytest.raises(InputError, match=r"test/x/a\.png cannot be read .*9000 x 9000 pixels.*are too many"):
        one(tmp_path, bomb)
    with pytest.raises(InputError, match=r"test/x/a\.png .*decompression bomb"):
        one(tmp_path, encode(Image.new("1", (16_000, 16_000))))
    with pytest.raises(InputError, match=r"test/x/a\.png .*resized 256 x 2560000, are too many"):
        one(tmp_path, encode(Image.new("1", (1, 10_000))), 224, 256)


def test_refuses_large_files(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 50)
    with pytest.raises(InputError, match=r"a\.png has \d+ bytes, but no such file has more than 50"):
        one(tmp_path, encode(noise(4, 4, 0)))


@pytest.mark.parametrize(("missing", "where"), [("train", "train"), ("test", "test")])
def test_refuses_a_class_that_one_split_lacks(tmp_path, missing, where):
    files = {name: content for name, content in tree().items() if not name.startswith(f"{missing}/ape")}
    (tmp_path / missing / "ape").mkdir(parents=True)
    with pytest.raises(InputError, match=rf"{where} has no images of ape, but the other split has"):
        ImageFolder(write(tmp_path, files), 4)


def test_a_cache_holds_the_same_images_beyond_memory(tmp_path):
    path, cache = write(tmp_path / "beasts", tree()), tmp_path / "cache"
    first = ImageFolder(path, 4, memory=0, cache=str(cache))
    assert_tiny(first)
    files = sorted(cache.iterdir())
    assert [file.stat().st_size for file in files] == [2 * 48, 4 * 48]
    assert first.train().stays
    before = [(file, file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    first.train().inputs.zero_()  # whoever writes to a split writes to memory
    assert_tiny(ImageFolder(path, 4, cache=str(cache)))
    assert [(file, file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(cache.iterdir())] == before


def test_training_from_a_cache_is_training_from_memory(tmp_path):
    path, weights = write(tmp_path / "beasts", tree()), []
    for cache in (None, str(tmp_path / "cache")):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
        trainer = Trainer(Natural(CrossEntropy()), 2, Constant(1e-2), 2, held_out=0)
        split = ImageFolder(path, 4, cache=cache).train()
        trainer.fit(network, split, LinfBall(0.1), tmp_path / f"run-{cache is None}")
        weights.append(network[1].weight)
    assert torch.equal(*weights)


@pytest.mark.parametrize("archive", [False, True])
def test_a_cache_of_other_images_is_not_taken_for_theirs(tmp_path, archive):
    def data(files, size=4):
        path = pack(tmp_path / "beasts.tar", files) if archive else write(tmp_path / "beasts", files)
        return ImageFolder(path, size, cache=str(tmp_path / "cache"))

    data(tree())
    assert data(tree(), 3).test().inputs.shape == (2, 3, 3, 3)
    other = tree() | {"test/cat/a.png": encode(Image.fromarray(noise(4, 4, 9)), compress_level=0)}
    assert np.array_equal(data(other).test().inputs[1].permute(1, 2, 0).numpy(), noise(4, 4, 9))


def test_a_cache_that_was_cut_short_or_has_no_place_is_named(tmp_path):
    path, cache = write(tmp_path / "beasts", tree()), tmp_path / "cache"
    ImageFolder(path, 4, cache=str(cache))
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{file.name} has 95 bytes instead of 96; remove it"):
        ImageFolder(path, 4, cache=str(cache))
    with pytest.raises(InputError, match=r"cannot be written .*choose another folder"):
        ImageFolder(path, 4, cache=str(file))


def test_a_damaged_image_leaves_no_cache(tmp_path):
    path = write(tmp_path / "beasts", tree() | {"test/cat/a.png": b"no image"})
    with pytest.raises(InputError, match=r"test/cat/a\.png cannot be read"):
        ImageFolder(path, 4, cache=str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())


def test_an_image_that_is_gone_is_named(tmp_path):
    data = ImageFolder(write(tmp_path, tree()), 4)
    (tmp_path / "train/cat/b.png").unlink()
    with pytest.raises(InputError, match=r"train/cat/b\.png is gone"):
        data.train()


def test_refuses_what_memory_cannot_hold_before_reading(tmp_path):
    path = write(tmp_path, dict.fromkeys(tree(), b"no image: it would be refused if it were read"))
    with pytest.raises(
        InputError, match=r"the 2 images of test need 112 bytes as \(3, 4, 4\) uint8, but memory is 111"
    ):
        ImageFolder(path, 4, memory=111)
    write(tmp_path, tree())
    with pytest.raises(InputError, match=r"the 4 images of train need 224 bytes .*but memory is 112"):
        ImageFolder(path, 4, memory=112).train()
    assert len(ImageFolder(path, 4, memory=224).train()) == 4


@pytest.mark.parametrize(("size", "resize"), [(0, None), (4, 3), (-1, 4)])
def test_refuses_impossible_sizes(tmp_path, size, resize):
    with pytest.raises(InputError, match="size"):
        ImageFolder(write(tmp_path, tree()), size, resize)


def test_refuses_names_that_lead_out_of_an_archive(tmp_path):
    with pytest.raises(InputError, match=r"data\.tar: \.\./cat/a\.png is a link, a device or leads out"):
        ImageFolder(pack(tmp_path / "data.tar", tree() | {"../cat/a.png": b""}), 4)


@pytest.mark.product  # lists 60,000 images and decodes 10,000: seconds
@pytest.mark.skipif(not JPEGS.exists(), reason="the JPEG images of CIFAR-10 are not beside this checkout")
def test_cifar10_jpegs():
    dataset = ImageFolder(str(JPEGS), 32)
    test = dataset.test()
    assert test.labels.bincount().tolist() == [1000] * 10
    assert test.labels[:20].tolist() == [*range(10), *range(10)]
    assert (dataset.name, dataset.shape, dataset.classes[3]) == ("cifar10-jpeg", (3, 32, 32), "cat")
