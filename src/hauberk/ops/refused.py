"""Operators without a known bound, with the reason and a substitute."""

import torch

from hauberk.concepts.lowering import refuses

aten = torch.ops.aten

refuses(
    "its statistics are those of the perturbed input itself, so it is not an affine function: "
    "use batch norm, whose statistics are fixed after training, or none",
    *(aten.layer_norm.default, aten.group_norm.default, aten.instance_norm.default, aten.rms_norm.default),
)
refuses(
    "the network must return logits: leave the softmax to the loss (inside a network, as in attention, none is known)",
    *(aten.softmax.int, aten.log_softmax.int),
)
refuses(
    "attention multiplies values that all depend on the input: use a matrix product with a parameter, or none",
    aten.scaled_dot_product_attention.default,
)
refuses("it looks up integers, which no eps perturbs: give the network the looked-up vectors", aten.embedding.default)
refuses("write it as torch.matmul with a constant", aten.einsum.default)
refuses(
    "it returns several tensors: take slices, z[:, :3]",
    *(aten.split.Tensor, aten.split_with_sizes.default, aten.chunk.default, aten.unbind.int),
)
refuses(
    "use torch.nn.MaxPool2d with a fixed window, as large as the map for a global maximum",
    *(aten.adaptive_max_pool1d.default, aten.adaptive_max_pool2d.default, aten.adaptive_max_pool3d.default),
    *(aten.amax.default, aten.max.dim, aten.max_pool2d_with_indices.default),
)
refuses(
    "a step has no slope that bounds could follow: evaluate the network by attacks, some of them without gradients",
    *(aten.gt.Scalar, aten.ge.Scalar, aten.lt.Scalar, aten.le.Scalar, aten.round.default, aten.sign.default),
)
