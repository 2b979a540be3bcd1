"""Decision boundaries of a linearised network."""

from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Ascent, Network, slope
from hauberk.concepts.loss import lead
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import ordinary_set
from hauberk.concepts.radius import per_example
from hauberk.errors import ShapeError
from hauberk.kernels.convolutions import fast_convolutions
from hauberk.kernels.gradients import gradients, ordinary


def nearest_border(
    network: Network, S: NormBall, z: Float[Tensor, "b *z"], y: Int[Tensor, "b"], targets: Int[Tensor, "b k"]
) -> Ascent:
    """Return the lead, and its gradient, of the target class whose linearised decision boundary is nearest to z.

    Takes one forward pass, and one backward pass per target. Source: Moosavi-Dezfooli et al. 2016, eq. 8.
    """
    with gradients(), fast_convolutions(z, weights=False):
        S, y, targets = ordinary_set(S), ordinary(y), ordinary(targets)
        z = ordinary(z.detach()).requires_grad_()
        logits = network(S.decode(z))
        found: tuple[Tensor, Tensor, Tensor] | None = None
        for k, target in enumerate(targets.unbind(1)):
            value = lead(logits, y, target)
            normal = slope(value, z, keep=k + 1 < targets.shape[1])
            with torch.no_grad():
                value = value.detach()
                away = value.abs() / dual_norm(S, normal).clamp(min=torch.finfo(z.dtype).tiny)
                if found is None:
                    found = away, value, normal
                else:
                    nearer = away < found[0]
                    new = away, value, normal
                    found = tuple(  # pyright: ignore[reportAssignmentType]
                        torch.where(per_example(nearer, n), n, o) for n, o in zip(new, found, strict=True)
                    )
    if found is None:
        raise ShapeError("a border lies between two classes, but the network has a single logit.")
    return Ascent(found[2], found[1], logits.detach())


def dual_norm(S: NormBall, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
    """Return the dual norm of each w."""
    return (w * S.dual_vector(w)).flatten(1).sum(1)


def ranked_targets(logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"]) -> Int[Tensor, "b others"]:
    """Return all classes except the label, in decreasing order of their logits."""
    return logits.scatter(1, y[:, None], -inf).argsort(stable=True, dim=1, descending=True)[:, :-1]
