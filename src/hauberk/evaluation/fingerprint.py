"""The identity of a network's weights."""

import hashlib

from torch import nn


def weights_sha256(network: nn.Module) -> str:
    """Return the SHA-256 of the names, types, shapes and values of the network's state."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
