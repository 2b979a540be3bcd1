"""The identity of a training."""

from dataclasses import fields
from typing import Any

from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.identity import Structure, stamped
from hauberk.training.hyperparameters import Hyperparameters

FREE = ("log_steps", "checkpoint_steps")
"""Hyperparameters that the weights do not depend on, so that they may change whenever a training goes on."""


def experiment(trainer: Hyperparameters, network: nn.Module, data: Split, threat: ThreatModel) -> dict[str, Any]:
    """Return the identity of a training: all that its weights are a function of, but for the weights it began with.

    A checkpoint brings its own weights. The number of processes is left out as well.

    Raises:
        InputError: an object cannot be identified by its content.
    """
    settings = {field.name: getattr(trainer, field.name) for field in fields(trainer) if field.name not in FREE}
    return stamped({"trainer": settings, "network": Structure(network), "threat": threat, **examples(data)})


def examples(data: Split) -> dict[str, object]:
    """Return what a split holds, wherever that is."""
    further = None if data.pseudo_labelled is None else examples(data.pseudo_labelled)
    return {"inputs": data.inputs, "labels": data.labels, "pseudo_labelled": further}
