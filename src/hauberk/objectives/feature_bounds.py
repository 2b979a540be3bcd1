"""Training of a classifier on Lipschitz features."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.bounded_pass import worst_logits
from hauberk.bound_training.lipschitz_margin import threshold
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import radii
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.functions.distances import Distances
from hauberk.sets.box_set import BoxSet


@dataclass(frozen=True)
class FeatureBounds(Objective):
    """The loss of the worst logits while each feature of l_inf-distance layers moves by up to the radius.

    Everything behind the last distance layer is bounded over that box, which holds the features of
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
        return isinstance(network, Graph) and bool(feature_values(network.frozen()))

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
        eps = radii(threshold(network, threat), x) / 2
        values, graph = network.observed(x)
        found = feature_values(graph)
        if not found:
            raise UnsupportedOpError(
                "FeatureBounds needs distance layers below others: their outputs are the features."
            )
        index = found[-1]
        reach = eps.view(-1, *(1,) * (values[index].ndim - 1)).expand_as(values[index])
        S = BoxSet(values[index], eps, Box.around(values[index], reach), None)
        spec = LinearSpec.margins(y, network.classes, values[-1].dtype)
        bounds = self.bounder(graph.after(index).folded(), S, spec, outward=False, noise=noise)
        correct = values[-1].argmax(1) == y
        worst = self.robust_loss(worst_logits(bounds.lower), torch.zeros_like(y))
        robust = torch.where(correct, worst, 0).mean() if self.correct_only else worst.mean()
        clean = self.loss(values[-1], y).mean()
        total = self.clean_weight(progress) * clean + self.robust_weight(progress) * robust
        parts = {"clean": clean, "robust": robust}
        return ObjectiveValue(total, correct, correct & (bounds.lower > 0).all(1), parts)


def feature_values(graph: FrozenGraph) -> list[int]:
    """Return the indices of the values of distance layers, but of the logits."""
    return [index for index, node in enumerate(graph.nodes[:-1], start=1) if isinstance(node.op, Distances)]
