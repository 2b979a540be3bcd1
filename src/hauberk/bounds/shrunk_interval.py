"""Intervals that play down unstable neurons."""

from dataclasses import dataclass

import torch

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.propagation.box_bounder import BoxBounder
from hauberk.propagation.forward_box import forward_box
from hauberk.ranges import Share


@dataclass(frozen=True)
class ShrunkInterval(BoxBounder):
    """Intervals in which unstable neurons reach only a share of their upper bound. For training: these are not bounds.

    Args:
        share: the factor on the upper bounds of unstable neurons, in [0, 1]. Published for STAPS: 0.8 (CIFAR-10 at
            2/255).

    Raises:
        InputError: share lies outside [0, 1].

    Source: Mueller et al. 2023, with the quantities that the released code multiplies.
    """

    share: Share = 0.8
    certifies = False  # pyright: ignore[reportAssignmentType]

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        boxes = [S.bounding_box()]
        for index in range(1, len(graph.shapes)):
            box = forward_box(graph, S, boxes, outward=outward)
            if index in graph.relaxed:
                box = Box(box.lower, torch.where(box.unstable, self.share * box.upper, box.upper))
            boxes.append(box)
        return boxes
