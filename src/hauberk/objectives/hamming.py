"""Training for stability: outputs and activation patterns that agree at opposite corners of the ball."""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.op import Elementwise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import per_example
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.kernels.disagreement import disagreement
from hauberk.ranges import Positive, Range
from hauberk.searches.required import require_ball


@dataclass(frozen=True)
class Hamming(Objective):
    """The clean loss, plus the difference of outputs and of active neurons between opposite corners of the ball.

    Each example draws one pair of corners x +- eps * signs, not clipped to the range of valid inputs. The stability
    term is the squared distance of their logits. The Hamming term is the relaxed share of neurons whose activity
    differs, |tanh(alpha a) - tanh(alpha b)| / 2, averaged over neurons and then over layers, which count equally. No
    attack is run; clean examples and both corners form one batch, whose statistics batch norms share.

    Args:
        loss: the loss of clean examples.
        stability_weight: the weight of the stability term, a mean over examples.
        hamming_weight: the weight of the Hamming term, which lies in [0, 1]. Published, with both growing tenfold: 0.8
            and 2400.
        alpha: the sharpness of the threshold between inactive and active.
        power: 2 squares each layer's share, 1 does not.
        dense: whether all pairs of corners of the batch are compared instead of opposite ones, weighted by
            exp(-distance^2 / `scale`).
        scale: the scale of squared distances between inputs, for dense pairs.
        probabilities: whether stability is measured on the softmax, as the theory requires, instead of the logits.

    Raises:
        InputError: alpha or scale is not positive, or power is not 1 or 2.
        UnsupportedSetError: the threat is not an l_inf ball.
        UnsupportedOpError: the network was not captured, or has no activations.

    Source: Efficient Regularization for Robust Deep ReLU Networks, section 5 and appendix B.
    """

    loss: AdversarialLoss
    stability_weight: Schedule
    hamming_weight: Schedule
    alpha: Positive = 8.0
    power: Annotated[int, Range("1 or 2", lambda power: power in (1, 2))] = 1
    dense: bool = False
    scale: Positive = 1.0
    probabilities: bool = False
    needs_graph = True

    def __post_init__(self) -> None:
        if not (self.alpha > 0 and self.scale > 0 and self.power in (1, 2)):
            raise InputError(
                "Hamming needs alpha and scale > 0 and power 1 or 2, but they are "
                f"{self.alpha}, {self.scale} and {self.power}."
            )

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
        S = require_ball(threat.at(x), "Hamming training", torch.inf)
        if not isinstance(network, Graph):
            raise UnsupportedOpError("Hamming training needs a captured network: pass capture(network, example).")
        reach = per_example(S.radius, x) * S.dual_vector(noise.signs(tuple(x.shape[1:]), x.dtype))
        values, graph = network.observed(torch.cat([x, x + reach, x - reach]))
        layers = [values[i] for i in activations(graph)]
        logits, corners = values[-1][: len(x)], values[-1][len(x) :]
        pairs = weights_of_pairs(values[0][len(x) :], self.scale) if self.dense else None
        outputs = corners.softmax(1) if self.probabilities else corners
        parts = {
            "clean": self.loss(logits, y).mean(),
            "stability": self.stability_weight(progress) * squared_distance(outputs, pairs),
            "hamming": self.hamming_weight(progress) * self.disagreement(layers, len(x), pairs),
        }
        robust = (corners.argmax(1) == y.repeat(2)).view(2, -1).all(0)
        return ObjectiveValue(sum(parts.values(), start=x.new_zeros(())), logits.argmax(1) == y, robust, parts)

    def disagreement(
        self, layers: list[Float[Tensor, "n ..."]], examples: int, pairs: Float[Tensor, "p p"] | None
    ) -> Float[Tensor, ""]:
        """Return the relaxed share of neurons that differ, between opposite corners or over all pairs by their weights.

        Corners are the last 2 * examples rows.
        """
        if pairs is None:
            shares = torch.stack([disagreement(layer, examples, self.alpha) for layer in layers])
            return shares.pow(self.power).mean()
        soft = [torch.tanh(self.alpha * layer[-2 * examples :]).flatten(1) for layer in layers]
        shares = [torch.cdist(layer, layer, p=1) / (2 * layer.shape[1]) for layer in soft]
        return (torch.stack(shares).pow(self.power).mean(0) * pairs).sum() / len(pairs) ** 2


def activations(graph: FrozenGraph) -> list[int]:
    """Return the indices of the values that activation functions read.

    Raises:
        UnsupportedOpError: there are none.
    """
    found = sorted({node.inputs[0] for node in graph.nodes if isinstance(node.op, Elementwise)})
    if not found:
        raise UnsupportedOpError("Hamming training compares patterns of activations, but the network has none.")
    return found


def squared_distance(outputs: Float[Tensor, "p c"], pairs: Float[Tensor, "p p"] | None) -> Float[Tensor, ""]:
    """Return the mean squared distance between opposite corners' outputs, or over all pairs by their weights."""
    if pairs is None:
        first, second = outputs.chunk(2)
        return (first - second).square().sum(1).mean()
    return ((outputs.unsqueeze(0) - outputs.unsqueeze(1)).square().sum(2) * pairs).sum() / len(pairs) ** 2


def weights_of_pairs(points: Float[Tensor, "p *x"], scale: float) -> Float[Tensor, "p p"]:
    """Return the heat kernel of all pairs of points."""
    flat = points.flatten(1)
    return torch.exp(-torch.cdist(flat, flat).square() / scale)
