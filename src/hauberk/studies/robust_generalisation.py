"""A bound on the robust test error of l_inf-distance networks, from training examples."""

import math
from dataclasses import dataclass, field

import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.accepted import labels
from hauberk.concepts.dataset import Dataset, Split
from hauberk.concepts.loss import lead
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError, ShapeError, UnsupportedSetError
from hauberk.layers.distance_chain import DistanceChain, distance_chain
from hauberk.ranges import Count, NonNegative, OpenShare
from hauberk.sets.ball_threat import BallThreat

BATCH = 500
AIM = 0.1
"""The complexity for which the table says how many examples it takes."""


@dataclass(frozen=True)
class RobustGeneralisation(Study):
    """A bound on a network's robust error on unseen inputs, from its margins on the examples that trained it.

    The network is a `DistanceChain`: N parameters in s tensors, and logits g with Lipschitz constant L. The margin of
    parameters w at (x, y) is m_w(x, y) = g_w(x)_y - max_{k != y} g_w(x)_k.

    Theorem. Let the layers, r >= 0, slacks c_1 .. c_T > 0 and 0 < failure < 1 be fixed before n examples are drawn
    independently from a distribution. With probability at least 1 - failure, for all parameters w and all slacks c at
    once, a further (x, y) of the distribution has

        P(some x' with ||x' - x||_inf <= r is not classified as y)
            <= (share of the n examples with m_w <= 2 L (r + c))
               + sqrt((N ln M + ln(M (M + 1)) + ln(T / failure)) / (2 n)),

    where M = max(1, ceil(max_i |w_i| / t)) and t = c L / (2 s). The share is that of examples without a certificate at
    radius r + c; the root is the complexity. Nothing is assumed of training: w may depend on the examples in any way.

    Proof. For each slack, and each M = 1, 2, .., the M^N vectors of coordinates among -M t + t, -M t + 3 t, .., M t - t
    are a grid, fixed in advance, with a v within t of w, coordinate by coordinate, for all w in [-M t, M t]^N. Let a =
    2 L r + 2 s t, and let e be the root above. By Hoeffding's inequality P(m_v <= a) exceeds the share of examples with
    m_v <= a by more than e with probability at most exp(-2 n e^2) = failure / (T M (M + 1) M^N). The sum over vectors,
    M and slacks is at most failure, for sum_M 1 / (M (M + 1)) = 1; so with probability 1 - failure no v exceeds. Now
    take any w, its M, and its v. By the lemma of `DistanceChain` margins of w and v differ by at most 2 s t everywhere,
    and margins at x and x' by at most 2 L ||x - x'||_inf. If some x' is not classified as y, then m_w(x', y) <= 0,
    hence m_w(x, y) <= 2 L r and m_v(x, y) <= a. An example with m_v <= a has m_w <= a + 2 s t = 2 L (r + c). QED.

    The rounding errors of margins are left out. The bound is vacuous at 1 and above, as it must be where N ln M >= 2 n:
    with M >= 2, of networks with a million parameters it says nothing after 60,000 examples. Zhang et al. 2021 bound
    the same error by the training examples of small margin and a Rademacher complexity in place of the grid.

    The table has a row per slack: the step t, both terms and their sum, and how many examples bring the complexity to
    0.1. Beside them stands the share of the evaluated examples without a certificate at r. If these were kept apart, it
    is the better estimate: as only one network is judged by them, sqrt(ln(1 / failure) / (2 n)) suffices.

    Args:
        training: the data set that trained the network; normalisation and slacks should not be chosen by its examples.
        slacks: the slacks, in units of the input.
        failure: the probability that the bound is wrong.
        examples: the number of training examples, from the first; None for all.

    Raises:
        InputError: there is no slack, one is not positive and finite, failure is not in (0, 1), or there is no example.

    Source: Zhang et al. 2021, the section on robust generalisation; Hoeffding 1963.
    """

    training: Dataset
    slacks: list[NonNegative] = field(default_factory=lambda: [0.05, 0.1, 0.2])
    failure: OpenShare = 0.05
    examples: Count | None = None

    def __post_init__(self) -> None:
        fits = self.slacks and all(0 < slack < math.inf for slack in self.slacks) and 0 < self.failure < 1
        if not fits or (self.examples is not None and self.examples < 1):
            raise InputError(
                "RobustGeneralisation needs positive slacks, a failure in (0, 1) and an example, but has "
                f"{self.slacks}, {self.failure}, {self.examples}."
            )

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        eps = threat.eps
        if not isinstance(threat, BallThreat) or threat.norm != "linf" or isinstance(eps, Tensor):
            raise UnsupportedSetError(f"RobustGeneralisation needs an l_inf ball of one radius, but has {threat.name}.")
        chain = distance_chain(subject.module, data.batch(slice(0, 2))[0])
        split = self.training.train().select(slice(0, self.examples)).to(data.labels.device)
        if split.inputs.shape[1:] != data.inputs.shape[1:]:
            raise ShapeError(f"training inputs {(*split.inputs.shape,)} do not fit those of {(*data.inputs.shape,)}.")
        seen, unseen = margins(subject.module, split), margins(subject.module, data)
        rows = []
        for slack in self.slacks:
            events = log_events(chain, slack) + math.log(len(self.slacks) / self.failure)
            share, complexity = uncertified(seen, chain, eps + slack), math.sqrt(events / (2 * len(seen)))
            terms = {"margin_error": share, "complexity": complexity, "bound": share + complexity}
            needed = {"vacuous": share + complexity >= 1, "needed": math.ceil(events / (2 * AIM**2))}
            rows.append({"slack": slack, "step": step(chain, slack), **terms, **needed})
        columns = {"parameters": chain.count, "examples": len(seen), "unseen": len(unseen)}
        columns |= {"unseen_error": uncertified(unseen, chain, eps)}
        table = pl.DataFrame(rows).with_columns(pl.lit(value).alias(name) for name, value in columns.items())
        facts = {"threat": threat.name, "confidence": f"{100 * (1 - self.failure):g} %"}
        return Findings(table, facts | {"tensors": str(len(chain.parameters)), "largest": f"{chain.largest:.6g}"})


def step(chain: DistanceChain, slack: float) -> float:
    """Return t: parameters that move by it change margins by half of what the slack allows."""
    return slack * chain.stretch / (2 * len(chain.parameters))


def log_events(chain: DistanceChain, slack: float) -> float:
    """Return ln(M^N M (M + 1)), the share of one slack in the logarithm of the number of events."""
    cells = max(1, math.ceil(chain.largest / step(chain, slack)))
    return (chain.count + 1) * math.log(cells) + math.log(cells + 1)


@torch.no_grad()
def margins(network: nn.Module, split: Split) -> Float[Tensor, "n"]:
    """Return the margins of all examples.

    Raises:
        ShapeError: labels are not integers, or there is no example.
        InputError: a label does not fit the logits.
    """
    found = []
    for start in range(0, len(split), BATCH):
        x, y = split.batch(slice(start, start + BATCH))
        logits = network(x)
        found.append(-lead(logits, labels(y, len(x), logits.shape[1])).double())
    return torch.cat(found)


def uncertified(margins: Float[Tensor, "n"], chain: DistanceChain, radius: float) -> float:
    """Return the share of examples without a certificate at a radius."""
    certified = margins > 2 * chain.stretch * radius  # which no margin is that is NaN
    return (~certified).double().mean().item()
