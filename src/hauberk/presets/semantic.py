"""Attacks on flows, colours, compressed images and perceptual distances, as published."""

from dataclasses import dataclass, field

from hauberk.attacks import PGD, Adam, Jittered, Lagrangian, RandomMember
from hauberk.concepts.loss import AdversarialLoss
from hauberk.losses import CrossEntropy, Margin
from hauberk.ranges import Count, NonNegative, Positive
from hauberk.searches.start import Start


@dataclass(frozen=True)
class StAdv(Adam):
    """The attack of this name on `threats.Flow`: 100 steps of Adam that charge for rough flows.

    Arguments are those of `Adam`, with the published values: rate 0.01, smoothness 0.0025, the margin as loss.

    Sources: Xiao et al. 2018; parameters: Laidlaw, Singla & Feizi 2021.
    """

    loss: AdversarialLoss = field(default_factory=Margin)
    smoothness: NonNegative = 0.0025


@dataclass(frozen=True)
class ReColorAdv(Adam):
    """The attack of this name on `threats.Recolor`: 100 steps of Adam that charge for rough functions of colour.

    Arguments are those of `Adam`, with the published values: rate 0.001, smoothness 0.0036, the margin as loss.

    Sources: Laidlaw & Feizi 2019; parameters: Laidlaw, Singla & Feizi 2021.
    """

    loss: AdversarialLoss = field(default_factory=Margin)
    rate: Positive = 0.001
    smoothness: NonNegative = 0.0036


@dataclass(frozen=True)
class JPEGAscent(PGD):
    """JPEG-linf, the attack on `threats.JPEG`: 20 steps along signs from a random start.

    Arguments are those of `PGD`, with the published values: a step is 20^-0.5 radii long, whatever `steps` is.

    Source: Kang et al. 2019; parameters: Laidlaw, Singla & Feizi 2021.
    """

    loss: AdversarialLoss = field(default_factory=CrossEntropy)
    steps: Count = 20
    step: Positive = 20**-0.5
    start: Start = field(default_factory=RandomMember)


@dataclass(frozen=True)
class LPA(Lagrangian):
    """The Lagrangian attack on `threats.Perceptual`: five rounds of 40 steps, with the published first weight.

    Arguments are those of `Lagrangian`; the weight is 0.01 for each unit of distance at a radius of 0.5. On
    MNIST, that class's own default broke several times more images.

    Source: Laidlaw, Singla & Feizi 2021, as in evaluation.
    """

    loss: AdversarialLoss = field(default_factory=Margin)
    steps: Count = 40
    weight: Positive = 0.005


@dataclass(frozen=True)
class PPGD(PGD):
    """Projected descent on `threats.Perceptual`: 40 steps, each steepest in the perceptual distance.

    Arguments are those of `PGD`, with the published values: a step is 2 / 40 radii long, whatever `steps` is.

    Source: Laidlaw, Singla & Feizi 2021, as in evaluation.
    """

    loss: AdversarialLoss = field(default_factory=Margin)
    steps: Count = 40
    step: Positive = 0.05
    start: Start = field(default_factory=lambda: Jittered(0.01))
