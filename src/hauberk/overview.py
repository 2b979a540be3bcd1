"""An overview of what there is to choose from: versions, devices, recipes, operators and classes."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

import torch

from hauberk.recipe import public_classes, shipped_recipes
from hauberk.translation.rules import covered


def overview() -> Iterator[str]:
    """Yield the lines that `hauberk info` prints."""
    devices = ["cpu", *(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))]
    yield f"hauberk {version('hauberk')}, torch {torch.__version__}, Python {platform.python_version()}"
    yield f"devices: {', '.join(devices)} ({torch.get_num_threads()} threads)"
    yield "recipes:"
    for name, text in shipped_recipes().items():
        yield f"  {name}: {text.splitlines()[0].removeprefix('# ')}"
    yield f"operators with bounds: {', '.join(covered())}"
    yield "classes for recipes:"
    for name in public_classes():
        yield f"  {name}"
