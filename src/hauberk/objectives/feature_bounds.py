"""Training of a classifier on Lipschitz features."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.bounded_pass import worst_logits
from hauberk.bound_training.lipschitz_margin import leaves, lipschitz, threshold
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import per_example, radii
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.layers.lp_distance import LpNeurons
from hauberk.layers.mean_shift import MeanShift
from hauberk.sets.box_set import BoxSet


@dataclass(frozen=True)
class FeatureBounds(Objective):
    """The loss of the worst logits while each feature of l_inf-distance layers moves by up to the radius.

    Everything behind the last distance layer and its mean shift is bounded over that box, which holds the features of
    all members of an l_inf ball at p = inf: only then are examples certified by it. For finite p it is the published
    training bound, although features may move farther.

    Args:
        bounder: bounds the layers on top; published: intervals.
        loss: the loss of clean logits.
        robust_loss: the loss of the worst ones.
        clean_weight: the weight of the clean loss, over training.
        robust_weight: the weight of the robust loss, over training.
        correct_only: True to leave out the robust loss of examples that are misclassified already.

    Raises:
        UnsupportedOpError: when called: the network was not captured, or has no distance layers below others.
        UnsupportedSetError: when called with a threat that is no l_inf ball.

    Sources: Zhang et al. 2021; with a hinge and `correct_only`: Zhang, Jiang, He & Wang 2022.
    """

    bounder: Bounder
    loss: AdversarialLoss
    robust_loss: AdversarialLoss
    clean_weight: Schedule
    robust_weight: Schedule
    correct_only: bool = False
    needs_graph = True
    measure = "certified"

    def covers(self, network: nn.Module | Graph) -> bool:
        return isinstance(network, Graph) and bool(feature_values(network))

    def __call__(
        self,
        network: nn.Module | Graph,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        threat: ThreatModel,
        *,
        progress: Progress,
        noise: Noise,
    ) -> ObjectiveValue:
        if not isinstance(network, Graph):
            raise UnsupportedOpError("bounds need a captured network: pass capture(network, example).")
        found = feature_values(network)
        if not found:
            raise UnsupportedOpError("FeatureBounds needs distance layers, whose outputs are features, below others.")
        logits, features = features_and_logits(network, x, found[-1])
        eps = radii(threshold(network, threat), x) / 2
        reach = per_example(eps, features).expand_as(features)
        S = BoxSet(features, eps, Box.around(features, reach), None)
        spec = LinearSpec.margins(y, network.classes, logits.dtype)
        head = network.frozen().after(found[-1]).folded()
        bounds = self.bounder(head, S, spec, outward=False, noise=noise)
        correct = logits.argmax(1) == y
        worst = self.robust_loss(worst_logits(bounds.lower), torch.zeros_like(y))
        robust = torch.where(correct, worst, 0).mean() if self.correct_only else worst.mean()
        clean = self.loss(logits, y).mean()
        total = self.clean_weight(progress) * clean + self.robust_weight(progress) * robust
        parts = {"clean": clean, "robust": robust}
        layers = leaves(network.module)
        last = max(i for i, layer in enumerate(layers) if isinstance(layer, LpNeurons))
        proven = correct & (bounds.lower > 0).all(1) if lipschitz(layers[: last + 1]) else None
        return ObjectiveValue(total, correct, proven, parts)


def feature_values(network: Graph) -> list[int]:
    """Return the indices of the values of distance layers and of the mean shifts behind them, but of the logits."""
    parts = [network.module.get_submodule(node.part) for node in network.nodes[:-1]]
    return [index for index, part in enumerate(parts, start=1) if isinstance(part, LpNeurons | MeanShift)]


def features_and_logits(network: Graph, x: Float[Tensor, "b *x"], index: int) -> tuple[Tensor, Tensor]:
    """Run the network itself, with masks, means and exponents of training; return logits and a value on the way."""
    seen: list[Any] = []
    part = network.module.get_submodule(network.nodes[index - 1].part)
    handle = part.register_forward_hook(lambda part, given, value: seen.append(value))
    try:
        logits = network(x)
    finally:
        handle.remove()
    return logits, seen[-1]
