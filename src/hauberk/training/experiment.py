"""The identity of a training run."""

from dataclasses import fields
from typing import Any

from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.identity import Structure, stamped
from hauberk.training.hyperparameters import Hyperparameters

FREE = ("log_steps", "checkpoint_steps", "test_judge")
"""Hyperparameters that the weights do not depend on; they may change when a run is resumed."""


def experiment(trainer: Hyperparameters, network: nn.Module, data: Split, threat: ThreatModel) -> dict[str, Any]:
    """Return the identity of a training run: everything that determines its weights, except the initial ones.

    A checkpoint brings its own weights. The number of processes does not count either.

    Raises:
        InputError: an object cannot be identified by its content.
    """
    settings = {field.name: getattr(trainer, field.name) for field in fields(trainer) if field.name not in FREE}
    held = network.state_dict().keys()
    constants = {name: buffer for name, buffer in network.named_buffers() if name not in held}
    trained = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    about = {"network": Structure(network), "constants": constants, "trained": trained}
    return stamped({"trainer": settings, **about, "threat": threat, **examples(data)})


def examples(data: Split) -> dict[str, object]:
    """Return the tensors of a split."""
    further = None if data.pseudo_labelled is None else examples(data.pseudo_labelled)
    return {"inputs": data.inputs, "labels": data.labels, "pseudo_labelled": further}
