"""Operators without a known bound, with the reason and a substitute."""

import torch

from hauberk.concepts.lowering import refuses

aten = torch.ops.aten

refuses("it looks up integers, which no eps perturbs: give the network the looked-up vectors", aten.embedding.default)
refuses(
    "it combines the examples of a batch: name the dimensions, as torch.amax(z, (1, 2)) does",
    *(aten.max.default, aten.min.default, aten.var.default, aten.std.default, aten.norm.Scalar),
    aten.prod.default,
)
refuses(
    "it turns back infinitely often, and no bound of it is known: use a sine or a cosine",
    *(aten.sinc.default, aten.special_sinc.default),
)
refuses(
    "an exponent that depends on the input is not bounded: write exp(y * log(x)), which is if x is positive",
    *(aten.pow.Tensor_Tensor, aten.float_power.Tensor_Tensor),
)
refuses(
    "a step has no slope that bounds could follow: evaluate the network by attacks, some of them without gradients",
    *(aten.gt.Scalar, aten.ge.Scalar, aten.lt.Scalar, aten.le.Scalar, aten.round.default),
    *(aten.floor.default, aten.ceil.default, aten.trunc.default, aten.argmax.default, aten.argmin.default),
)
