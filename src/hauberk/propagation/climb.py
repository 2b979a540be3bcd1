"""Lines of relaxations that gradients choose."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Relaxable
from hauberk.concepts.slopes import Given, Slopes
from hauberk.kernels.gradients import gradients


@dataclass(frozen=True)
class Climb:
    """Projected Adam on the choices of a network's lines, one in [0, 1] for every neuron of every example.

    Args:
        steps: the number of steps.
        rate: the size of the first step.
        decay: the factor by which each step is smaller than the one before.
    """

    steps: int
    rate: float
    decay: float

    def best(
        self, graph: FrozenGraph, boxes: list[Box], at: int, worth: Callable[[Slopes], Float[Tensor, "b"]]
    ) -> Given:
        """Return, for each example, the lines below value `at` that are worth most, of all that it comes across.

        The climb starts at the lines of least area. An iteration costs what `worth` and its gradient do.
        """
        choices = adaptive(graph, boxes, at)
        kept = {index: choice.detach().clone() for index, choice in choices.items()}
        if not (choices and self.steps):
            return Given(kept)
        optimizer = torch.optim.Adam(choices.values(), lr=self.rate, maximize=True, fused=True)
        most = torch.full_like(boxes[0].lower.flatten(1)[:, 0], -torch.inf)
        for step in range(self.steps):
            with gradients():
                value = worth(Given(choices))
                if not value.requires_grad:  # nothing is relaxed
                    break
                uphill = torch.autograd.grad(value.sum(), list(choices.values()), allow_unused=True)
            most = keep(kept, choices, value.detach(), most)
            for choice, gradient in zip(choices.values(), uphill, strict=True):
                # The fused step takes it for granted that both lie alike in memory.
                choice.grad = None if gradient is None else torch.empty_like(choice).copy_(gradient)
            optimizer.param_groups[0]["lr"] = self.rate * self.decay**step
            optimizer.step()
            with torch.no_grad():
                for choice in choices.values():
                    choice.nan_to_num_(0.5).clamp_(0, 1)
        else:
            with torch.no_grad():
                keep(kept, choices, worth(Given(choices)), most)
        return Given(kept)


def adaptive(graph: FrozenGraph, boxes: list[Box], at: int) -> dict[int, Tensor]:
    """Return the choices nearest to the lines of least area, ready for gradients."""
    lines = {
        index: node.op.relax(boxes[node.inputs[0]]).lower_slope.detach()
        for index, node in enumerate(graph.nodes[:at], start=1)
        if isinstance(node.op, Relaxable)
    }
    return {index: slope.nan_to_num(0.5).clamp(0, 1).requires_grad_() for index, slope in lines.items()}


def keep(kept: dict[int, Tensor], choices: dict[int, Tensor], value: Tensor, most: Tensor) -> Float[Tensor, "b"]:
    """Overwrite the kept choices of the examples that are now worth more; return what is the most of each."""
    better = value > most
    for index, choice in choices.items():
        mask = better.view(-1, *(1,) * (choice.ndim - 1))
        torch.where(mask, choice.detach(), kept[index], out=kept[index])
    return torch.where(better, value, most)


def selected(boxes: list[Box], index: Int[Tensor, "s"]) -> list[Box]:
    """Return the boxes of some of the examples."""
    return [Box(box.lower[index], box.upper[index]) for box in boxes]
