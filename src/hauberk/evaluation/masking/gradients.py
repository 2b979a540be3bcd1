"""Losses without a gradient to follow."""

from functools import partial

from hauberk.concepts.loss import AdversarialLoss
from hauberk.evaluation.masking.probe import Probe, gradient_at_start
from hauberk.evaluation.masking.sign import Sign
from hauberk.losses.cross_entropy import CrossEntropy
from hauberk.losses.margin import Margin


def zero_gradients(probe: Probe) -> list[Sign]:
    """Look for examples at which a loss has no gradient to follow."""
    n = len(probe.y)
    of_margin, of_entropy = (probe.count(partial(without_gradient, loss)) for loss in (Margin(), CrossEntropy()))
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


def without_gradient(loss: AdversarialLoss, probe: Probe) -> int:
    """Return the number of examples whose loss has no gradient at the unperturbed point."""
    gradient = gradient_at_start(probe, loss, probe.sets())
    if gradient is None:
        return len(probe.y)
    flat = gradient.flatten(1)
    return int(((flat == 0).all(1) | ~flat.isfinite().all(1)).sum())
