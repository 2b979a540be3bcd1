"""The origin of results: what was judged, by which versions, where and when."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import torch
from torch import nn

from hauberk.concepts.perturbation_set import ThreatModel


def origin(network: nn.Module, dataset: str, shape: Sequence[int], threat: ThreatModel, seed: int) -> dict[str, object]:
    """Return what a reader of results needs to know about their origin, as run.json holds it.

    Args:
        network: the network.
        dataset: the name of the data.
        shape: the shape of one input.
        threat: the threat that the evaluation is about.
        seed: the seed of training, or of the evaluation where there was none.
    """
    return {
        "hauberk": version("hauberk"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "seed": seed,
        "dataset": dataset,
        "inputs": "images" if len(shape) == 3 else "examples",
        "network": class_name(type(network)),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "threat": threat.name,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def class_name(kind: type) -> str:
    """Return the full name of a class, as recipes name Hauberk's own: without the file that it is in."""
    module = kind.__module__
    place = module.rpartition(".")[0] if module.startswith("hauberk.") else module
    return f"{place}.{kind.__qualname__}"
