"""Signs that the logits alone give away."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.evaluation.masking.probe import Probe
from hauberk.evaluation.masking.sign import Sign


def logits(probe: Probe) -> Float[Tensor, "b classes"]:
    """Return the logits of the unperturbed points."""
    S = probe.sets()
    with torch.no_grad():
        return probe.subject.module(S.decode(S.start))


def odd_logits(probe: Probe) -> list[Sign]:
    """Look for probabilities in place of logits, and for random outputs."""
    first, second = (torch.cat([logits(part) for part in probe.parts()]) for _ in range(2))
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
