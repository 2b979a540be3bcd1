"""Rules that pick the lines of a relaxation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from hauberk.concepts.box import Box
from hauberk.concepts.op import Relaxable, Relaxation


class Slopes(ABC):
    """Picks, for an op on a box, one of its sound relaxations."""

    parallel: bool = False
    """Whether both lines of every relaxation have the same slope."""

    @abstractmethod
    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        """Return the relaxation."""


@dataclass(frozen=True)
class Adaptive(Slopes):
    """The op's own rule of least area. Source: Zhang et al. 2018 (CROWN), section 3."""

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        return op.relax(box)


@dataclass(frozen=True)
class Parallel(Slopes):
    """Two parallel lines: Fast-Lin, and the dual network of the convex outer polytope. Source: Wong & Kolter 2018."""

    parallel = True

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        return op.relax_parallel(box)
