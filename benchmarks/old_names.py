"""Names that auto_LiRPA 0.3, the newest release on PyPI, expects of numpy before 2 and of torch before 2.9.

Import this before it, in an environment with

    pip install torch numpy appdirs ordered_set
    pip install --no-deps auto_LiRPA convex_adversarial
"""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.onnx.symbolic_helper as symbolic

OPSET = 12


def read_attribute(node: Any, name: str) -> Any:
    """Return an attribute of a node of a traced graph."""
    return getattr(node, node.kindOf(name))(name)


sets = ModuleType("numpy.lib.arraysetops")
vars(sets).update(vars(np))
sys.modules["numpy.lib.arraysetops"] = sets
symbolic._set_opset_version = lambda version: None  # pyright: ignore[reportAttributeAccessIssue]
torch._C.Node.__getitem__ = read_attribute  # pyright: ignore[reportAttributeAccessIssue]
