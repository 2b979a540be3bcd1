"""The generators that a network's own random operations draw from."""

import torch


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed torch's generators for the processor and for one device.

    `torch.manual_seed` seeds those of every kind of device that torch knows, which takes longer than a small network's
    forward pass, and where there is no CUDA device queues every call for ever.
    """
    torch.default_generator.manual_seed(seed % (1 << 64))
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed % (1 << 64))
