"""Real digits in small portions, for tests that need more than noise."""

from pathlib import Path

import numpy as np

from hauberk.concepts.dataset import Split
from hauberk.datasets import MNIST


def digits(count: int) -> Split:
    """Return the first training digits."""
    return MNIST().train().select(slice(0, count))


def digits_file(folder: Path, train: int, test: int) -> Path:
    """Write the first digits of both splits as an .npz file with Keras' keys."""
    parts = MNIST().train().select(slice(0, train)), MNIST().test().select(slice(0, test))
    arrays = {}
    for name, part in zip(("train", "test"), parts, strict=True):
        arrays |= {f"x_{name}": part.inputs.numpy(), f"y_{name}": part.labels.numpy()}
    np.savez(folder / "digits.npz", **arrays)
    return folder / "digits.npz"
