"""Linear bounds carried forward with all their generators."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rounding import rounding_factor, summed, underflows
from hauberk.propagation.forward_pass import Carrier, Form


@dataclass(frozen=True)
class AllGenerators(Carrier):
    """A carrier of all generators; block 0, the Jacobian with respect to the input, is bounded by the support function.

    Args:
        S: the sets.
    """

    S: CertifiableSet

    def start(self) -> Form:
        x = self.S.start
        n = x[0].numel()
        identity = torch.eye(n, dtype=x.dtype, device=x.device).view(1, n, *x.shape[1:])
        return Form(torch.zeros_like(x), {0: identity.expand(len(x), *identity.shape[1:])})

    def noise(self, index: int, half: Float[Tensor, "b *z"]) -> dict[int, Float[Tensor, "b k *z"]]:
        found = half.flatten(1) > 0
        place, counts = found.cumsum(1) - 1, found.sum(1).tolist()  # the only question to the device
        owner, neuron = torch.nonzero_static(found, size=sum(counts)).unbind(1)
        k = max(counts)
        block = half.new_zeros(len(half), k, found.shape[1])
        block = block.index_put((owner, place[owner, neuron], neuron), half.flatten(1)[owner, neuron])
        return {index: block.unflatten(2, half.shape[1:])} if k else {}

    def box(self, form: Form, interval: Box, loose: Bool[Tensor, "b *z"]) -> Box:
        """Return the interval's intersection with the form's exact bounds."""
        rows = form.blocks[0].flatten(2).transpose(1, 2).unflatten(2, self.S.start.shape[1:])
        upper = self.S.support_function(rows).view_as(form.center)
        lower = -self.S.support_function(-rows).view_as(form.center)
        still = torch.zeros_like(form.center)
        if form.error is not None:
            added = sum(block.shape[1] for block in form.blocks.values())
            size, roundings = self.magnitude(form), added + 8
            still = form.error + size * (2 * rounding_factor(roundings, size.dtype))
            still = still + underflows(roundings, [summed(size), self.S.bounding_box().size], size)
        if form.error is not None and (blur := self.S.blur) is not None:
            still = still + blur.view(-1, *(1,) * (still.ndim - 1)) * form.blocks[0].abs().sum(1)
        spread = sum((block.abs().sum(1) for key, block in form.blocks.items() if key), still)
        return interval.intersect(Box(form.center + lower - spread, form.center + upper + spread))

    def magnitude(self, form: Form) -> Float[Tensor, "b *z"]:
        weights = self.S.bounding_box().magnitude.flatten(1)
        inputs = torch.einsum("bk...,bk->b...", form.blocks[0].abs(), weights)
        return sum((block.abs().sum(1) for key, block in form.blocks.items() if key), form.center.abs() + inputs)
