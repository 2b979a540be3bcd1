"""A bound on the robust test error of l_inf-distance networks, from training examples."""

import math
from dataclasses import dataclass, field

import polars as pl
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from hauberk.concepts.dataset import Dataset, Split
from hauberk.concepts.loss import lead, require_labels
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.layers import LogitScale, LpDistance, LpDistance2d, MeanShift, Normalize
from hauberk.sets.ball_threat import BallThreat

BATCH = 500
AIM = 0.1
"""The complexity term at which `needed` counts examples."""


@dataclass(frozen=True)
class RobustGeneralisation(Study):
    """A bound on the robust error on unseen inputs, by a network's margins on examples that may have trained it.

    Let layers and normalisation be fixed: N parameters (weights, biases and running means), in s tensors, vary. g_w are
    the logits with parameters w, the margin at (x, y) is m_w(x, y) = g_w(x)_y - max_{k != y} g_w(x)_k. Normalisation by
    one std precedes the distances; L = 1 / std, or 1 without.

    Theorem. Let r >= 0, slacks c_1 .. c_T > 0 and 0 < failure < 1 be chosen before n examples are drawn independently.
    With probability 1 - failure, for all parameters w and all slacks c at once, for a further (x, y) of the same
    distribution,

        P[some x' with ||x' - x||_inf <= r is not classified as y]
            <= (share of the n examples with m_w <= 2 L (r + c))
               + sqrt((N ln M + ln(M (M + 1)) + ln(T / failure)) / (2 n)),

    where M = max(1, ceil(max_i |w_i| / t)) and t = c L / (2 s). The share is that of examples without a certificate at
    radius r + c; the root is the complexity. Nothing is assumed of training, which may depend on the examples.

    Lemma. |g_w(x)_k - g_v(x)_k| <= s max_i |w_i - v_i| and |g_w(x)_k - g_w(x')_k| <= L ||x - x'||_inf for all x, x', k.

    Proof of the lemma. | ||x - w||_inf - ||x' - w'||_inf | <= ||x - x'||_inf + ||w - w'||_inf, by the triangle inequality:
    a layer adds no more than its tensor's change to that of its inputs. Biases and running means are subtracted or
    added, windows and zeros around images leave the largest difference as it is. By induction over the s tensors.

    Proof of the theorem. For each slack and each M = 1, 2, .. the M^N points whose coordinates are among -M t + t, -M t
    + 3 t, .., M t - t form a grid, fixed in advance, with a point v within t of each w of max_i |w_i| <= M t. By
    Hoeffding's inequality P[m_v <= a], with a = 2 L r + 2 s t, exceeds the share of examples with m_v <= a by e or more
    with probability at most exp(-2 n e^2). With e the root above that is failure / (T M (M + 1) M^N); these numbers sum
    to at most failure over points, M and slacks, as 1 / (M (M + 1)) sums to 1. So, but for this event, no point exceeds.
    Take any w, its M and its v. If some x' is not classified as y, m_w(x', y) <= 0, hence m_w(x, y) <= 2 L r and m_v(x,
    y) <= a, by the lemma. An example with m_v <= a has m_w <= a + 2 s t = 2 L r + 4 s t = 2 L (r + c). QED.

    Rounding in the margins is left out. The bound is vacuous at 1 or more, as it must be where N ln M > 2 n: networks of
    a million parameters say nothing by it after 60,000 examples. Zhang et al. 2021 bound the complexity of large-margin
    l_inf-distance networks by Rademacher averages instead; theirs has the same two terms.

    The table has one row per slack: the grid's step t, the share, the complexity, their sum, and the examples `needed`
    for a complexity of 0.1. It also has the share of the evaluated examples without a certificate at r: as a bound, that
    of examples kept apart is far better, since a single network is judged by it.

    Args:
        training: the data set whose training split is judged.
        slacks: the slacks, in units of the input.
        failure: the probability that the bound is wrong.
        examples: the number of training examples, from the first; None for all.

    Raises:
        InputError: there is no slack, or one that is not positive and finite; failure is not in (0, 1); or there is no
            example.

    Source: Hoeffding 1963; after Zhang et al. 2021, the bound of the robust test error.
    """

    training: Dataset
    slacks: list[float] = field(default_factory=lambda: [0.05, 0.1, 0.2])
    failure: float = 0.05
    examples: int | None = None

    def __post_init__(self) -> None:
        sound = self.slacks and all(0 < slack < math.inf for slack in self.slacks) and 0 < self.failure < 1
        if not sound or (self.examples is not None and self.examples < 1):
            raise InputError(
                "RobustGeneralisation needs positive slacks, a failure in (0, 1) and an example, but has "
                f"{self.slacks}, {self.failure}, {self.examples}."
            )

    @torch.no_grad()
    def __call__(self, subject: NetworkSubject, data: Split, threat: ThreatModel) -> Findings:
        if not isinstance(threat, BallThreat) or threat.norm != "linf" or isinstance(threat.eps, Tensor):
            raise UnsupportedSetError(f"RobustGeneralisation needs an l_inf ball of one radius, not {threat.name}.")
        chain, eps = Chain.of(subject.module), float(threat.eps)
        split = self.training.train().select(slice(0, self.examples)).to(data.labels.device)
        if split.inputs.shape[1:] != data.inputs.shape[1:] or not len(split):
            raise ShapeError(f"training inputs {tuple(split.inputs.shape)} do not match {tuple(data.inputs.shape)}.")
        margins, unseen = chain.margins(split), chain.margins(data)
        rows = []
        for slack in self.slacks:
            step = slack * chain.stretch / (2 * chain.tensors)
            log_events = chain.log_grid(step) + math.log(len(self.slacks) / self.failure)
            share = uncertified(margins, 2 * chain.stretch * (eps + slack))
            complexity = math.sqrt(log_events / (2 * len(split)))
            rows.append({"slack": slack, "step": step, "margin_error": share, "complexity": complexity})
            rows[-1] |= {"bound": share + complexity, "vacuous": share + complexity >= 1}
            rows[-1] |= {"needed": math.ceil(log_events / (2 * AIM**2)), "examples": len(split)}
            rows[-1] |= {"parameters": chain.parameters, "unseen_error": uncertified(unseen, 2 * chain.stretch * eps)}
        facts = {"threat": threat.name, "failure": f"{self.failure:g}", "tensors": str(chain.tensors)}
        return Findings(pl.DataFrame(rows), facts | {"largest": f"{chain.largest:.6g}", "unseen": str(len(data))})


def uncertified(margins: Float64[Tensor, "n"], threshold: float) -> float:
    """Return the share of margins that do not exceed a threshold; NaN does not."""
    return 1 - (margins > threshold).double().mean().item()


@dataclass(frozen=True)
class Chain:
    """The layers of an l_inf-distance network, one after another.

    Args:
        network: the network; its logits are the last layer's outputs or their negatives.
        layers: the layers.
        sign: 1, or -1 for negatives.
    """
