"""The strip of examples: that pictures show the pixels they stand for."""

import base64
import io

import matplotlib.image
import numpy as np
import pytest
from safetensors.numpy import save_file

from hauberk.reports.examples import SHOWN, Examples, draw_strip, read_examples
from reports.synthetic import tensors


def pixels(picture):
    content = base64.b64decode(picture.uri.removeprefix("data:image/png;base64,"))
    return matplotlib.image.imread(io.BytesIO(content), format="png")


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_show_the_pixels(channels):
    content = tensors(channels)
    rows = draw_strip(Examples(**content))
    assert list(rows) == ["clean", "adversarial", "difference"]
    for row, name in [("clean", "inputs"), ("adversarial", "adversarial")]:
        for picture, image in zip(rows[row], content[name], strict=True):
            expected = np.moveaxis(np.broadcast_to(image, (3, 6, 5)), 0, -1).clip(0, 1)
            assert np.abs(pixels(picture)[..., :3] - expected).max() <= 0.5 / 255 + 1e-6
    assert [(picture.index, picture.label, picture.prediction) for picture in rows["adversarial"]] == [
        (40, 0, 5),
        (41, 1, 1),
        (42, 2, 2),
        (43, 3, 3),
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_difference_is_white_at_rest_blue_below_red_above(channels):
    examples = Examples(**tensors(channels))
    assert examples.largest_change == pytest.approx(0.1)
    picture = pixels(draw_strip(examples)["difference"][0])
    red, green, blue = np.moveaxis(picture[..., :3], -1, 0)
    assert (picture[0, 0, :3] > 0.95).all()
    assert blue[2, 2] > 2 * red[2, 2]
    assert red[3, 3] > green[3, 3]
    assert red[3, 3] > blue[3, 3]


def test_no_change_at_all_is_white():
    content = tensors()
    rows = draw_strip(Examples(**content | {"adversarial": content["inputs"]}))
    assert (pixels(rows["difference"][0])[..., :3] > 0.95).all()


def test_shows_the_first_ones(make_run):
    folder = make_run()
    save_file(tensors(count=SHOWN + 3), folder / "evaluation/examples.safetensors")
    examples = read_examples(folder / "evaluation/examples.safetensors", "")
    assert examples is not None
    assert examples.index.tolist() == list(range(40, 40 + SHOWN))
