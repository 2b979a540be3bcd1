"""Rules that pick the lines of a relaxation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Relaxable
from hauberk.concepts.relaxation import Relaxation
from hauberk.errors import InputError
from hauberk.ranges import Checked, Share


class Slopes(Checked, ABC):
    """A rule that picks one of an op's sound relaxations on a box."""

    parallel: bool = False
    """True if both lines of every relaxation have the same slope."""

    @abstractmethod
    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        """Return the relaxation."""

    def at(self, index: int) -> "Slopes":
        """Return the rule for the node that computes the value `index` of a graph."""
        return self

    def select(self, examples: Int[Tensor, "s"]) -> "Slopes":
        """Return the rule for some of the examples."""
        return self


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


@dataclass(frozen=True)
class Constant(Slopes):
    """The same choice for every element.

    Args:
        choice: a number in [0, 1]; for a ReLU, the slope of its lower line.

    Raises:
        InputError: the choice lies outside [0, 1].
    """

    choice: Share

    def __post_init__(self) -> None:
        if not 0 <= self.choice <= 1:
            raise InputError(f"a choice must lie in [0, 1], but is {self.choice}.")

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        return op.relax(box, torch.full_like(op(box.lower), self.choice))


@dataclass(frozen=True)
class Given(Slopes):
    """Given choices for some nodes; adaptive for all others.

    Args:
        choices: by the index of the value that a node computes, a number in [0, 1] per element and example.

    Raises:
        InputError: a choice lies outside [0, 1], or is NaN.
    """

    choices: Mapping[int, Float[Tensor, "b ..."]]
    cases = None

    def __post_init__(self) -> None:
        for index, choice in self.choices.items():
            least, most = choice.detach().aminmax()
            if not (least >= 0 and most <= 1):
                raise InputError(
                    f"choices must lie in [0, 1], but those for value {index} reach from {least} to {most}."
                )

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        return op.relax(box)

    def at(self, index: int) -> Slopes:
        return Chosen(self.choices[index]) if index in self.choices else self

    def select(self, examples: Int[Tensor, "s"]) -> "Given":
        return Given({index: choice[examples] for index, choice in self.choices.items()})


@dataclass(frozen=True)
class Chosen(Slopes):
    """The choices of `Given` for one node.

    Args:
        choice: a number per element and example, known to lie in [0, 1].
    """

    choice: Float[Tensor, "b ..."]
    cases = None

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        return op.relax(box, self.choice)
