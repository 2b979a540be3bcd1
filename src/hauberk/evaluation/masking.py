"""Signs that an attacked accuracy is too good to be true, because gradients lead nowhere.

Source of the signs: Athalye, Carlini & Wagner 2018, section 3.1; Carlini et al. 2019, section 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import polars as pl
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.attacks.pgd import PGD
from hauberk.concepts.attack import Attack, MinimumDistanceAttack, misclassified
from hauberk.concepts.dataset import Split
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.evaluation.records import broken_column
from hauberk.losses.cross_entropy import CrossEntropy
from hauberk.losses.margin import Margin
from hauberk.threats.linf_ball import LinfSet

PROBED = 200
SAMPLES = 50
ATTACK = PGD(Margin(), steps=20, step=0.1)
FACTORS = (1.0, 2.0, 4.0)
FEWEST = 3
"""Examples that are more than chance."""


@dataclass(frozen=True)
class Sign:
    """A reason to doubt the attacked accuracy."""

    flag: str
    evidence: str
    advice: str


@dataclass(frozen=True)
class Probe:
    """The first few correctly classified examples."""

    subject: NetworkSubject
    prefix: Float[Tensor, "n *x"]
    """The examples up to the last of them: a threat may have a radius for each example of the split."""
    chosen: Bool[Tensor, "n"]
    y: Int[Tensor, "b"]
    threat: ThreatModel
    noise: Noise

    def sets(self, factor: float = 1.0) -> PerturbationSet:
        """Return the sets around the chosen examples, at a multiple of the threat's radius."""
        return self.threat.scaled(factor).at(self.prefix).select(self.chosen)

    def unbroken(self, S: PerturbationSet) -> int:
        """Return how many of the examples withstand a short attack on these sets."""
        z = ATTACK(self.subject.module, S, self.y, noise=self.noise.fold(0))
        return int((~misclassified(self.subject.module, S, z, self.y)).sum())


def signs_of_masking(
    subject: NetworkSubject,
    data: Split,
    threat: ThreatModel,
    records: pl.DataFrame,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    seed: int,
) -> list[Sign]:
    """Return the signs of gradient masking in an evaluation's records, and in a probe of the network.

    The probe takes the first 200 correctly classified examples, and about a hundred passes over them.
    """
    found = black_box_wins(records, attacks)
    correct = records.filter(records["prediction"] == records["label"])["index"].head(PROBED).to_list()
    if not correct:
        return found
    device = next(subject.module.parameters(), data.labels).device
    x, y = (t.to(device) for t in data.batch(slice(0, correct[-1] + 1)))
    chosen = torch.zeros_like(y, dtype=torch.bool)
    chosen[correct] = True
    index = torch.tensor(correct, device=device)
    probe = Probe(subject, x, chosen, y[chosen], threat, Noise.of(seed, index))
    return [*odd_logits(probe), *zero_gradients(probe), *futile_steps(probe), *found]


def notable(count: int, total: int) -> bool:
    """Return whether so many examples are more than chance and rounding explain."""
    return count >= FEWEST and count > 0.02 * total


def odd_logits(probe: Probe) -> list[Sign]:
    """Look at the logits: probabilities in their place, or random ones."""
    S = probe.sets()
    with torch.no_grad():
        first, second = (probe.subject.module(S.decode(S.start)) for _ in range(2))
    found, apart = [], float((first - second).abs().max())
    sums = (first.sum(1) - 1).abs().amax()
    if first.shape[1] > 1 and first.amin() >= 0 and first.amax() <= 1 and sums < 1e-4:
        found.append(
            Sign(
                "probabilities instead of logits",
                f"On {len(first)} examples all outputs lie in [0, 1] and sum to 1.",
                "Remove the softmax at the end of the network: cross-entropy and DLR need logits.",
            )
        )
    if not torch.allclose(first, second, rtol=1e-4, atol=1e-5, equal_nan=True):
        found.append(
            Sign(
                "random outputs",
                f"Two calls on the same {len(first)} examples differ by up to {apart:.3g}.",
                "Attack the mean of several passes (PGD's samples), and evaluate what is deployed: a majority, say.",
            )
        )
    return found


def zero_gradients(probe: Probe) -> list[Sign]:
    """Look for examples at which a loss has no gradient to follow."""
    S, n = probe.sets(), len(probe.y)
    of_margin, of_entropy = (int(without_gradient(probe, loss, S).sum()) for loss in (Margin(), CrossEntropy()))
    if of_margin > 0.1 * n:
        name, flat, advice = (
            "margin of the logits",
            of_margin,
            "a black box, or a smooth stand-in for what has no slope",
        )
    elif of_entropy > 0.1 * n:
        name, flat, advice = "cross-entropy", of_entropy, "the margin or DLR, which do not saturate, and a black box"
    else:
        return []
    evidence = f"The gradient of the {name} is exactly zero, or not finite, at {flat} of {n} examples."
    return [Sign("gradients are zero", evidence, f"Attack with {advice}.")]


def without_gradient(probe: Probe, loss: AdversarialLoss, S: PerturbationSet) -> Bool[Tensor, "b"]:
    """Return where the loss has no gradient at the unperturbed point."""
    gradient = gradient_at_start(probe, loss, S)
    if gradient is None:
        return torch.ones_like(probe.y, dtype=torch.bool)
    flat = gradient.flatten(1)
    return (flat == 0).all(1) | ~flat.isfinite().all(1)


def gradient_at_start(probe: Probe, loss: AdversarialLoss, S: PerturbationSet) -> Float[Tensor, "b *z"] | None:
    """Return the loss's gradient at the unperturbed point; None if there is no way back from the logits to it."""
    with torch.enable_grad():
        z = S.start.detach().clone().requires_grad_()
        value = loss(probe.subject.module(S.decode(z)), probe.y).sum()
        return torch.autograd.grad(value, z, allow_unused=True)[0] if value.requires_grad else None


def futile_steps(probe: Probe) -> list[Sign]:
    """Attack at larger and larger radii, at all valid inputs, and with random members instead of steps."""
    n = len(probe.y)
    if n < FEWEST or gradient_at_start(probe, Margin(), probe.sets()) is None:
        return []  # too few to tell, or a sign of its own
    try:
        left = [probe.unbroken(probe.sets(factor)) for factor in FACTORS]
    except (UnsupportedSetError, InputError):
        return []  # the set has no steepest step, or the threat no such radius
    found = [
        Sign(
            "a larger radius is not stronger",
            f"A short PGD leaves {before} of {n} examples unbroken at {low:g} times the radius, but {after} at "
            f"{high:g} times.",
            "Give the attacks more steps, restarts and other losses, and add a black box.",
        )
        for (low, high), (before, after) in zip(pairwise(FACTORS), pairwise(left), strict=True)
        if notable(after - before, n)
    ]
    everything = whole_range(probe.sets())
    if everything is not None and hopeless(probe, rest := probe.unbroken(everything)):
        found.append(
            Sign(
                "the whole range does not suffice",
                f"A short PGD that may choose any valid input leaves {rest} of {n} examples unbroken.",
                "Such an attack cannot judge this network: use a smooth stand-in for its gradient, or a black box.",
            )
        )
    by_noise, by_steps = n - unbroken_by_noise(probe), n - left[0]
    if notable(by_noise - by_steps, n):
        found.append(
            Sign(
                "random noise beats gradients",
                f"The best of {SAMPLES} random members breaks {by_noise} of {n} examples, a short PGD {by_steps}.",
                "Gradients mislead here: use a black box, or a smooth stand-in for what has no slope.",
            )
        )
    return found


def hopeless(probe: Probe, rest: int) -> bool:
    """Return whether an attack that may do anything leaves more examples than chance, or 10 %."""
    with torch.no_grad():
        classes = probe.subject.module(probe.prefix[:1]).shape[1]
    return notable(rest, len(probe.y)) and rest > max(0.1, 1 / classes) * len(probe.y)


def whole_range(S: PerturbationSet) -> LinfSet | None:
    """Return the sets of all valid inputs: boxes, whatever the norm; None where there is no range."""
    if not isinstance(S, NormBall) or S.within is None:
        return None
    low, high = S.within
    return LinfSet.around(S.start, torch.full_like(S.radius, high - low), S.within)


def unbroken_by_noise(probe: Probe) -> int:
    """Return how many examples withstand random members."""
    S, y, noise = probe.sets(), probe.y, probe.noise.fold(1)
    for number in range(SAMPLES):
        going = ~misclassified(probe.subject.module, S, S.sample(noise.fold(number)), y)
        S, y, noise = S.select(going), y[going], noise.select(going)
        if not len(y):
            break
    return len(y)


def black_box_wins(records: pl.DataFrame, attacks: Mapping[str, Attack | MinimumDistanceAttack]) -> list[Sign]:
    """Compare attacks on the examples that all of them were tried on: gradients should not lose to their absence."""
    white = [name for name, attack in attacks.items() if not attack.black_box]
    white = [name for name in white if records[broken_column(name)].is_not_null().any()]  # others did not apply
    if not white:
        return []
    withstood = records.filter(*(pl.col(broken_column(name)).is_not_null() for name in white))
    found = []
    for name, attack in attacks.items():
        if not attack.black_box:
            continue
        tried = withstood.filter(pl.col(broken_column(name)).is_not_null())
        missed = tried.filter(pl.col(broken_column(name)), *(~pl.col(broken_column(other)) for other in white))
        if notable(len(missed), len(tried)):
            found.append(
                Sign(
                    "a black box beats gradients",
                    f"{name}, which asks for no gradient, breaks {len(missed)} of {len(tried)} examples that all of "
                    f"{', '.join(white)} left.",
                    "Gradients mislead here: give the attacks more steps, other losses, or a smooth stand-in.",
                )
            )
    return found
