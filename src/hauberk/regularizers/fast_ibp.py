"""The warm-up regularizers of fast interval training."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class FastIBP(BoundRegularizer):
    """A penalty on boxes that widen from layer to layer, and on an imbalance of active and inactive neurons.

    Weighted by weight * (1 - share of the final radius), so that it ends with the ramp of the radius.

    Args:
        weight: the weight at radius 0.
        tolerance: the ratio below which a layer is penalised: of the input's mean radius to the layer's, and of the
            smaller to the larger of active and inactive means and variances.

    Source: Shi et al. 2021, section 4.3; a layer whose ratio is not finite counts as balanced.
    """

    weight: NonNegative = 0.5
    tolerance: NonNegative = 0.5

    def __call__(self, graph: FrozenGraph, boxes: list[Box], progress: Progress) -> Float[Tensor, ""]:
        share = self.weight * (1 - progress.radius_share)
        layers = [boxes[i] for i in graph.relaxed]
        if share <= 0 or not layers:
            return boxes[0].lower.new_zeros(())
        start = boxes[0].radius.mean()
        total = torch.stack([self.widening(start, box) + self.imbalance(box) for box in layers]).sum()
        return share * total / (self.tolerance * len(layers))

    def widening(self, start: Float[Tensor, ""], box: Box) -> Float[Tensor, ""]:
        """Return the penalty on boxes that are too wide relative to `start`, the input's mean radius."""
        return torch.relu(self.tolerance - start / box.radius.mean().clamp(min=1e-12))

    def imbalance(self, box: Box) -> Float[Tensor, ""]:
        """Return the penalty on unequal means and variances of a layer's active and inactive neurons."""
        center = box.center
        spread = (center - center.mean()).square()
        active, inactive = box.lower > 0, box.upper < 0
        means = self.ratio((center * active).mean(), -(center * inactive).mean())
        variances = self.ratio((spread * active).sum(), (spread * inactive).sum())
        return torch.relu(self.tolerance - means) + torch.relu(self.tolerance - variances)

    def ratio(self, a: Float[Tensor, ""], b: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """Return min(a/b, b/a), in [0, 1]; 1 if both are zero."""
        larger = torch.maximum(a, b)
        return torch.where(larger > 0, torch.minimum(a, b) / torch.where(larger > 0, larger, 1), 1)
