"""Regularizers of bounds: terms that make a network easier to bound."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.schedule import Progress
from hauberk.ranges import Checked


class BoundRegularizer(Checked, ABC):
    """A penalty computed from the bounds of a network's values."""

    @abstractmethod
    def __call__(self, graph: FrozenGraph, boxes: list[Box], progress: Progress) -> Float[Tensor, ""]:
        """Return the penalty, its weight included."""
