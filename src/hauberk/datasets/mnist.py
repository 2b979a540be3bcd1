"""MNIST, bundled with the package: no download, no network."""

import hashlib
from importlib.resources import files

from hauberk.concepts.dataset import Dataset, Split
from hauberk.datasets.idx import parse_split
from hauberk.errors import InputError

_SHA256 = {
    "train-images-idx3-ubyte.gz": "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
    "train-labels-idx1-ubyte.gz": "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
    "t10k-images-idx3-ubyte.gz": "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
    "t10k-labels-idx1-ubyte.gz": "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
}


class MNIST(Dataset):
    """The handwritten digits: 60,000 training and 10,000 test images of 28 x 28 uint8 pixels.

    Each call of `train` and `test` reads the bundled files and checks their SHA-256.

    Example:
        >>> from hauberk.datasets import MNIST
        >>> test = MNIST().test()
        >>> test.inputs.shape, test.inputs.dtype
        (torch.Size([10000, 1, 28, 28]), torch.uint8)
        >>> test.labels[:3].tolist()
        [7, 2, 1]

    Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0).
    """

    name = "MNIST"
    classes = tuple(map(str, range(10)))
    shape = (1, 28, 28)
    range = (0.0, 1.0)

    def train(self) -> Split:
        return self._read("train")

    def test(self) -> Split:
        return self._read("t10k")

    def _read(self, prefix: str) -> Split:
        images, labels = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
        return parse_split(_contents(images), images, _contents(labels), labels, len(self.classes))


def _contents(name: str) -> bytes:
    file = files("hauberk.datasets").joinpath("mnist", name)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"the bundled file {file} cannot be read ({error}); install hauberk again.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256[name]:
        raise InputError(
            f"the bundled file {file} is corrupt: its SHA-256 is {found}, not {_SHA256[name]}; install hauberk again."
        )
    return content
