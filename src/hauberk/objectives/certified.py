"""Certified training with any bound."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError, UnsupportedSetError


@dataclass(frozen=True)
class Certified(Objective):
    """clean_weight * loss(logits) + (1 - clean_weight) * loss(worst logits that the bound allows) + regularizers.

    The worst logits are 0 for the label and minus the proven margin for every other class: for a loss that depends on
    differences of logits and grows with them, an upper bound of the loss anywhere in the set.

    Sources: Wong & Kolter 2018, theorem 2; with intervals: Gowal et al. 2018.
    """

    bounder: Bounder
    loss: AdversarialLoss
    clean_weight: Schedule
    regularizers: list[BoundRegularizer] = field(default_factory=list)
    needs_graph = True
    measure = "certified"

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
        S = threat.at(x)
        if not isinstance(network, Graph):
            raise UnsupportedOpError("bounds need a captured network: pass capture(network, example).")
        if not isinstance(S, CertifiableSet):
            raise UnsupportedSetError(f"{type(S).__name__} has no support function: train against it adversarially.")
        logits, graph = network.run(x)
        graph = graph.folded()
        spec = LinearSpec.margins(y, network.classes, logits.dtype)
        bounds = self.bounder(graph, S, spec, outward=False, noise=noise)
        worst = torch.cat([torch.zeros_like(bounds.lower[:, :1]), -bounds.lower], 1)
        share = self.clean_weight(progress)
        parts = {"robust": self.loss(worst, torch.zeros_like(y)).mean()}
        loss = (1 - share) * parts["robust"]
        if share > 0:
            parts["clean"] = self.loss(logits, y).mean()
            loss = loss + share * parts["clean"]
        for regularizer in self.regularizers:
            name = type(regularizer).__name__
            parts[name] = regularizer(graph, bounds.boxes, progress)
            loss = loss + parts[name]
        correct = logits.argmax(1) == y
        return ObjectiveValue(loss, correct, correct & (bounds.lower > 0).all(1), parts)
