"""Parameters and buffers of a network as one tensor of bytes."""

import torch
from jaxtyping import UInt8
from torch import Tensor, nn


def pack(module: nn.Module) -> UInt8[Tensor, "n"]:
    """Return a copy of all parameters and buffers, bit for bit, on the device of the first."""
    tensors = list(tensors_of(module).values())
    return torch.cat([t.detach().contiguous().view(-1).view(torch.uint8).to(tensors[0].device) for t in tensors])


def unpack(packed: UInt8[Tensor, "n"], module: nn.Module) -> dict[str, Tensor]:
    """Return views of what `pack` has made of a network of the same structure, by name."""
    like = tensors_of(module)
    pieces = packed.split([t.nbytes for t in like.values()])
    return {name: piece.view(t.dtype).view(t.shape) for (name, t), piece in zip(like.items(), pieces, strict=True)}


def load(state: dict[str, Tensor], module: nn.Module) -> None:
    """Overwrite the parameters and buffers of these names, in place."""
    tensors = tensors_of(module)
    with torch.no_grad():
        for name, tensor in state.items():
            tensors[name].copy_(tensor)


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers by name, those of larger elements first, which aligns them all."""
    found: dict[str, Tensor] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return dict(sorted(found.items(), key=lambda item: -item[1].itemsize))
