"""Radii from the slope that an average over noise cannot exceed."""

from dataclasses import dataclass

import polars as pl
import torch
from jaxtyping import Float64
from torch import Tensor

from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import ShapeError, UnsupportedOpError
from hauberk.kernels.gradients import gradients
from hauberk.kernels.modes import eval_mode
from hauberk.ranges import Count, OpenShare
from hauberk.sampling.moments import gaps_at_least, moments
from hauberk.sampling.poll import require_own_rows, streams
from hauberk.sampling.requirements import require_counts, require_failure
from hauberk.sampling.smoothed_network import SmoothedNetwork


@dataclass(frozen=True)
class LBound(Study):
    """For each example a guarantee of the network's average over noise, and an estimate of the network itself.

    The average of f_a - f_b over noise, for probabilities f, comes from values in [-1, 1], which limits its slope: to
    sqrt(2/pi) / sigma for Gaussian noise. Within sigma * sqrt(pi/2) * (the gap between the k-th class and the next) the
    average's first k classes therefore stay its first k. The *guarantee* bounds that gap from below by samples of the
    softmax. The *estimate* takes the gap of the network's own softmax: it would be right if the network were such an
    average, which nothing shows, so it proves nothing. Examples whose label is not among the first k count as 0.

    Args:
        noise: the noise; None for a smoothed network's own.
        top: the number k of leading classes.
        samples: the samples that bound the gap; a tenth as many pick the classes.
        alpha: the probability, for each example, that its guarantee is wrong.
        examples: the number of examples, from the first.
        batch: the number of examples at a time.
        seed: seeds the noise.

    Raises:
        InputError: a number is out of range.

    Source: Campbell, Finlay & Oberman, Adversarial Boot Camp, theorem 3, with another proof.
    """

    noise: SmoothingNoise | None = None
    top: Count = 1
    samples: Count = 1000
    alpha: OpenShare = 0.001
    examples: Count = 500
    batch: Count = 50
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)
        require_failure(self.alpha)
        require_counts(top=self.top, samples=self.samples, examples=self.examples, batch=self.batch)

    @torch.no_grad()
    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        smoothed = isinstance(subject, SmoothedNetwork)
        noise = subject.by.noise if smoothed and self.noise is None else self.noise
        if noise is None:
            raise UnsupportedOpError(f"a {subject.kind} has no noise of its own: give LBound some.")
        network = subject.network if smoothed else subject.module
        tables = []
        for index in torch.arange(min(self.examples, len(data)), device=data.labels.device).split(self.batch):
            x, y = data.batch(index)
            with eval_mode(network):
                own = network(x).double().softmax(1)
            if own.shape[1] <= self.top:
                raise ShapeError(f"{self.top} classes lead no other of {own.shape[1]}: choose a smaller top.")
            require_own_rows(network, noise, x)
            drawn = streams(x, self.seed)
            picked, _ = moments(network, noise, x, drawn.fold(0), max(1, self.samples // 10))
            leading = picked.topk(self.top, 1).indices
            found = moments(network, noise, x, drawn.fold(1), self.samples)
            gap = gaps_at_least(found, leading, self.samples, self.alpha)
            best = own.topk(self.top + 1, 1)
            own_gap = best.values[:, -2] - best.values[:, -1]
            columns = {
                "index": index,
                "label": y,
                "guarantee": radius(noise, gap) * (leading == y[:, None]).any(1),
                "estimate": radius(noise, own_gap) * (best.indices[:, :-1] == y[:, None]).any(1),
            }
            tables.append(pl.DataFrame({name: column.tolist() for name, column in columns.items()}))
        facts = {"noise": noise.name, "top": str(self.top), "samples": str(self.samples)}
        return Findings(pl.concat(tables), facts | {"confidence": str(1 - self.alpha), "norm": f"l{noise.p:g}"})


def radius(noise: SmoothingNoise, gap: Float64[Tensor, "b"]) -> Float64[Tensor, "b"]:
    """Return the distance over which a gap cannot close: the radius of a share, at its slope for a share of 1/2."""
    with gradients():
        half = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(noise.radius(half), half)
    return gap.nan_to_num(nan=0.0).clamp(min=0) * slope / 2
