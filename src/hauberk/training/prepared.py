"""The view of a network that an objective needs."""

import torch
from torch import nn

from hauberk import accepted
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.kernels.modes import set_eval
from hauberk.training.hyperparameters import Hyperparameters


def prepared(trainer: Hyperparameters, network: nn.Module, data: Split) -> nn.Module | Graph:
    """Return the network or its graph, as the objective needs it, initialised and checked against the data."""
    example, _ = data.batch(slice(0, 2))
    set_eval(network)
    if trainer.initialisation is not None:
        trainer.initialisation(network, example, torch.Generator(example.device).manual_seed(trainer.seed))
    accepted.labels(data.labels, len(data), accepted.classes(network, example))
    return capture(network, example) if trainer.objective.needs_graph else network
