"""Checks of labels, inputs, networks and folders before anything starts: the one place that says what is accepted.

What has one meaning is converted; all else is refused in one line that says what to do.
"""

from hauberk.accepted.networks import called, classes, passed, require_alike
from hauberk.accepted.tensors import folder_at, inputs, labels, tensor
from hauberk.accepted.under_attack import CheckedAttack

__all__ = ["CheckedAttack", "called", "classes", "folder_at", "inputs", "labels", "passed", "require_alike", "tensor"]
