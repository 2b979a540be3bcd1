"""The activations of a network as one vector, whose distances stand for what people see."""

from math import prod, sqrt
from threading import RLock, get_ident
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from hauberk.errors import InputError
from hauberk.kernels.convolutions import fast_convolutions
from hauberk.kernels.modes import eval_mode

RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish)
"""The activations whose outputs are taken where no layers are named."""
TINY = 1e-10
"""The number added to norms, as published."""
LOCK = RLock()
"""Held while a network's parameters are exchanged for constants, which two threads must not do at once."""


class Features(nn.Module):
    """The outputs of some layers of a network, of unit length at each position, as one flat vector per image.

    Channels (dimension 1) are divided by their norm at each position, and each layer by the square root of its number
    of positions, so that a layer without a position of zeros has norm 1. A module that runs several times counts as a
    layer each time. The network runs in eval mode; its parameters are constants, so that gradients flow to images only.
    Images are converted to the precision of its parameters; it is moved to the device of the images.

    Args:
        network: any network of modules.
        layers: the names of the modules whose outputs are taken, in any order; None for all activations like ReLU.

    Raises:
        InputError: the network has no such modules; or, on use, it does not take such images, or the modules do not run
            or return no batch of activations.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.layers import Features
        >>> features = Features(nn.Sequential(nn.Identity(), nn.ReLU()))
        >>> features(torch.tensor([[3.0, -1.0, 4.0]]))
        tensor([[0.6000, 0.0000, 0.8000]])

    Source: Zhang et al. 2018 (LPIPS), without its weights, as in Laidlaw, Singla & Feizi 2021.
    """

    def __init__(self, network: nn.Module, layers: list[str] | None = None) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise InputError(f"features are those of a torch.nn.Module, but the network is {type(network).__name__}.")
        found = dict(network.named_modules(remove_duplicate=False))
        own = [name for name, part in found.items() if isinstance(part, RECTIFIERS)]
        self.network, self.layers = network, own if layers is None else list(layers)
        unknown = [name for name in self.layers if name not in found]
        if unknown or not self.layers:
            lack = "no layer is named" if layers is not None else "the network of features has no module like ReLU"
            lack = f"the network of features has no modules {unknown}" if unknown else lack
            there = ", ".join(name for name in found if name) or "none"
            raise InputError(f"{lack}: name layers among its modules, which are: {there}.")

    def forward(self, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b n"]:
        seen: list[Tensor] = []
        thread = get_ident()

        def keep(part: nn.Module, given: Any, output: Any) -> None:
            if get_ident() == thread:  # another thread may be running the same network
                seen.append(unit_vectors(output, len(x)))

        if any(parameter.device != x.device for parameter in self.network.parameters()):
            self.network.to(x.device)
        found, x = dict(self.network.named_modules(remove_duplicate=False)), x.to(self.precision or x.dtype)
        hooks = [part.register_forward_hook(keep) for part in {found[name]: None for name in self.layers}]
        try:
            with eval_mode(self.network):
                self.run(x)
        except RuntimeError as error:
            reason, shape = str(error).split("\n")[0], tuple(x.shape[1:])
            raise InputError(f"the network of features does not run on images of shape {shape}: {reason}.") from error
        finally:
            for hook in hooks:
                hook.remove()
        if not seen:
            raise InputError(f"none of the layers {self.layers} runs when the network of features is called.")
        return torch.cat(seen, 1)

    def run(self, x: Float[Tensor, "b *x"]) -> None:
        """Pass images through the network; where gradients are recorded, with constants for parameters."""
        if not torch.is_grad_enabled():
            self.network(x)
            return
        constants = {name: parameter.detach() for name, parameter in self.network.named_parameters()}
        with LOCK, fast_convolutions(x, weights=False):
            functional_call(self.network, constants, (x,))

    @property
    def precision(self) -> torch.dtype | None:
        """The type of the network's floating-point parameters; None if it has none."""
        return next((p.dtype for p in self.network.parameters() if p.is_floating_point()), None)


def unit_vectors(output: Any, examples: int) -> Float[Tensor, "b n"]:
    """Return a layer's output with channels of norm 1, or 0, at each position, over the root of their number.

    Raises:
        InputError: it is no batch of activations.
    """
    if not (isinstance(output, Tensor) and output.is_floating_point() and output.ndim > 1 and len(output) == examples):
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise InputError(f"features are activations (b, channels, ...) of {examples} images, but a layer has {found}.")
    # A copy: what follows may overwrite the output. In half precision TINY is 0.
    output = output.to(torch.promote_types(output.dtype, torch.float32), copy=True)
    square = (output * output).sum(1, keepdim=True)  # several times as fast as torch's norm across channels
    size = torch.where(square > 0, square, 1).sqrt() * (square > 0)  # whose gradient at 0 is 0
    return (output * (1 / ((size + TINY) * sqrt(prod(output.shape[2:]))))).flatten(1)
