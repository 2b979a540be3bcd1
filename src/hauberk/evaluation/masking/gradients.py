"""Losses without a gradient to follow."""

import torch
from jaxtyping import Bool
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.evaluation.masking.probe import Probe, gradient_at_start
from hauberk.evaluation.masking.sign import Sign
from hauberk.losses.cross_entropy import CrossEntropy
from hauberk.losses.margin import Margin


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
    """Return a mask of the examples whose loss has no gradient at the unperturbed point."""
    gradient = gradient_at_start(probe, loss, S)
    if gradient is None:
        return torch.ones_like(probe.y, dtype=torch.bool)
    flat = gradient.flatten(1)
    return (flat == 0).all(1) | ~flat.isfinite().all(1)
