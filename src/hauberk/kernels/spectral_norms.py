"""Spectral norms in training mode, whose vectors move with every pass."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.spectral_norm import SpectralNorm


@torch.no_grad()
def iterate(module: nn.Module) -> None:
    """Take the power iteration that a pass takes in every spectral norm in training mode."""
    for part in module.modules():
        if isinstance(part, ParametrizationList) and any(isinstance(one, _SpectralNorm) for one in part):
            part()
        for hook in part._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and part.training:
                hook.compute_weight(part, do_power_iteration=True)
