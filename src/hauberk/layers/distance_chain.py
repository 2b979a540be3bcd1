"""Networks of l_inf-distance layers one after another, and what is known of all such networks."""

from dataclasses import dataclass
from math import isfinite

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError, UnsupportedOpError
from hauberk.layers.logit_scale import LogitScale
from hauberk.layers.lp_distance import LpDistance, LpDistance2d, LpNeurons
from hauberk.layers.mean_shift import MeanShift
from hauberk.layers.normalize import Normalize

KNOWN = (LpDistance, LpDistance2d, MeanShift, Normalize, LogitScale, nn.Flatten)


@dataclass(frozen=True)
class DistanceChain:
    """The facts of a network of distance layers, without whose order and kinds nothing below would hold.

    Lemma. Let g_w be the logits with parameters w, and g_v those of the same layers with others. For all inputs x, x'
    and classes k, |g_w(x)_k - g_v(x)_k| <= len(parameters) * max_i |w_i - v_i| and |g_w(x)_k - g_w(x')_k| <= stretch *
    ||x - x'||_inf.

    Proof. | ||z - w||_inf - ||z' - w'||_inf | <= ||z - z'||_inf + ||w - w'||_inf by the triangle inequality: a distance
    layer changes by no more than its inputs and its weights together. Biases are added and running means subtracted, so
    they too add at most their own change; windows of an image, and zeros around it, differ by no more than the image.
    Only the normalisation, which comes first, scales anything. Induction over the layers. QED.

    Args:
        parameters: the weights, biases and running means, a tensor each.
        stretch: the Lipschitz constant of every logit: 1, or that of the normalisation.
    """

    parameters: list[Tensor]
    stretch: float

    @property
    def count(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters)

    @property
    def largest(self) -> float:
        """The largest absolute value of a parameter."""
        return max(parameter.abs().max().item() for parameter in self.parameters)


@torch.no_grad()
def distance_chain(network: nn.Module, x: Float[Tensor, "b *x"]) -> DistanceChain:
    """Return the facts of a network, after a trial on inputs x.

    Raises:
        UnsupportedOpError: a layer is of another kind, has a finite p or parameters that are not finite; there is no
            distance layer; or the logits are neither the last layer's outputs nor their negatives.
        InputError: mean shifts are in training mode.
    """
    parameters, stretch, z = [], 1.0, x
    for name, part in network.named_modules(remove_duplicate=False):
        if isinstance(part, nn.Sequential):  # its parts follow; what it does besides running them shows in the trial
            continue
        if reason := fault(part, first=not parameters):
            raise UnsupportedOpError(
                f"layer {name or 'network'} ({type(part).__name__}) {reason}; known are Normalize with one std, then "
                "LpDistance, LpDistance2d and MeanShift at p = inf, and Flatten and LogitScale anywhere."
            )
        if isinstance(part, MeanShift) and part.training:
            raise InputError("means that move with every batch belong to no fixed network: call network.eval() first.")
        stretch = stretch / part.deviation if isinstance(part, Normalize) else stretch
        parameters += parameters_of(part)
        z = part(z)
    if not any(isinstance(part, LpNeurons) for part in network.modules()):
        raise UnsupportedOpError(f"{type(network).__name__} has no distance layer.")
    if not any(torch.equal(network(x), sign * z) for sign in (1, -1)):
        raise UnsupportedOpError(f"the logits of {type(network).__name__} are not those of its layers in sequence.")
    return DistanceChain(parameters, stretch)


def parameters_of(part: nn.Module) -> list[Tensor]:
    """Return the tensors of a layer on which its outputs depend."""
    if isinstance(part, LpDistance | LpDistance2d):
        bias = getattr(part, "bias", None)
        return [part.weight] if bias is None else [part.weight, bias]
    return [part.running_mean] if isinstance(part, MeanShift) else []


def fault(part: nn.Module, first: bool) -> str | None:
    """Return why a layer is not known; None if it is.

    Args:
        part: the layer.
        first: True if no layer with parameters precedes it.
    """
    if type(part) not in KNOWN:
        return "is of another kind"
    if isinstance(part, LpNeurons) and isfinite(p := part.p.item()):
        return f"has p = {p:g}, at which distances are not 1-Lipschitz: relax(inf) first"
    if isinstance(part, Normalize) and not first:
        return "follows a layer with parameters"
    if isinstance(part, Normalize) and len(set(part.deviations)) > 1:
        return f"has std={part.deviations}"
    if not all(parameter.isfinite().all() for parameter in parameters_of(part)):
        return "has parameters that are not finite"
    return None
