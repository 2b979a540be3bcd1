"""Certified training with one backward row an example: loss fusion."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.backward_pass import BackwardPass
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.rows import Rows
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.slopes import Adaptive, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError, UnsupportedSetError


@dataclass(frozen=True)
class FusedCertified(Objective):
    """The worst cross-entropy over the set, bounded by one row an example instead of one for every other class.

    With margins m_j known to lie in [a_j, b_j], each exp(-m_j) lies below its chord there; the sum of the chords is
    linear in the logits, and one backward row bounds it: worst loss <= log(1 + sum of chords). Hidden boxes and the
    margins' range come from `intermediate` and its boxes; "robust" counts the examples that those prove.

    Source: Xu et al. 2020, section 3.4.
    """

    intermediate: Bounder
    loss: AdversarialLoss
    clean_weight: Schedule
    slopes: Slopes = field(default_factory=Adaptive)
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
        boxes = self.intermediate.boxes(graph, S, outward=False, noise=noise)
        rows = LinearSpec.margins(y, network.classes, logits.dtype).rows
        at = len(graph.nodes)
        ends = BackwardPass(graph, S, boxes, None, outward=False).range(Rows.uniform(rows), at)
        lower, upper = (end.view(rows.shape[:2]) for end in ends)
        slope, intercept = chords(lower, upper)
        row = torch.einsum("bk,bkc->bc", -slope, rows)
        backward = BackwardPass(graph, S, boxes, self.slopes, outward=False)
        chord_sum = intercept.sum(1) - backward.lower(Rows.uniform(row.unsqueeze(1)), at)
        parts = {"robust": torch.log1p(chord_sum.clamp(min=-1 + 1e-5)).mean()}
        share = self.clean_weight(progress)
        loss = (1 - share) * parts["robust"]
        if share > 0:
            parts["clean"] = self.loss(logits, y).mean()
            loss = loss + share * parts["clean"]
        correct = logits.argmax(1) == y
        return ObjectiveValue(loss, correct, correct & (lower > 0).all(1), parts)


def chords(
    lower: Float[Tensor, "b k"], upper: Float[Tensor, "b k"]
) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
    """Return slope and intercept of the chord of exp(-m) over [lower, upper], by the tangent where they meet."""
    width = upper - lower
    wide = width > 1e-6
    slope = torch.where(wide, torch.expm1(-width) / torch.where(wide, width, 1), -1) * torch.exp(-lower)
    return slope, torch.exp(-lower) - slope * lower
