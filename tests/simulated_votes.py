"""Smoothed networks whose inputs are the probabilities of their classes: they vote without a network."""

import numpy as np
import torch
from torch import nn

from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian


class Dice(nn.Module):
    """Random numbers in the place of a network."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = np.random.default_rng(seed)

    def forward(self, x):
        return x.log()


class Simulated(SmoothedNetwork):
    """Draws fresh votes at every call."""

    def votes(self, x, purpose, samples, first=0):
        return torch.from_numpy(self.network.random.multinomial(samples, x.double().numpy()))


class Steady(SmoothedNetwork):
    """Votes as probable: so many of the first i votes are for a class as i times its share, rounded down."""

    def votes(self, x, purpose, samples, first=0):
        upto = [(x.double() * i + 1e-9).floor().long() for i in (first, first + samples)]
        return upto[1] - upto[0]


def simulated(noise: SmoothingNoise = Gaussian(1.0), seed: int = 0) -> Simulated:
    return Simulated(Dice(seed), Smoothing(noise))


def steady(noise: SmoothingNoise = Gaussian(1.0)) -> Steady:
    return Steady(Dice(0), Smoothing(noise))
