"""Certification by a fixed number of votes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from hauberk.ranges import Count, OpenShare
from hauberk.sampling.binomial import share_at_least
from hauberk.sampling.certification import Certification
from hauberk.sampling.requirements import require_counts, require_failure
from hauberk.sampling.smoothed_network import ESTIMATION, SmoothedNetwork


@dataclass(frozen=True)
class FixedSample(Certification):
    """The published procedure: a bound of the leading class's share by a number of votes that is chosen beforehand.

    Costs selection + samples passes per input. No radius is larger than that of a unanimous vote, whose share is
    alpha^(1/samples).

    Args:
        samples: the votes that bound the share.
        selection: the votes that pick the class.
        alpha: the probability, for each input, with which its certificate may be wrong.
        name: the verifier's name in records.

    Raises:
        InputError: a number is out of range.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
        >>> from hauberk.smoothing import FixedSample, Gaussian
        >>> network = nn.Linear(2, 2, bias=False)
        >>> network.weight.data = torch.eye(2)
        >>> subject = SmoothedNetwork(network, Smoothing(Gaussian(0.25)))
        >>> answer = FixedSample(samples=1000).answer(subject, torch.tensor([[0.9, 0.1], [0.5, 0.5]]))
        >>> answer.label.tolist()
        [0, -1]
        >>> bool(0.45 < answer.radius[0] < 0.8 / 2**0.5)  # the boundary's distance
        True

    Source: Cohen et al. 2019, CERTIFY.
    """

    samples: Count = 100_000
    selection: Count = 100
    alpha: OpenShare = 0.001
    name: str = "smoothing, fixed sample"

    def __post_init__(self) -> None:
        require_failure(self.alpha)
        require_counts(samples=self.samples, selection=self.selection)

    def bounded(
        self,
        subject: SmoothedNetwork,
        x: Float[Tensor, "b *x"],
        classes: Int[Tensor, "b k"],
        wanted: Float64[Tensor, "b r"],
    ) -> tuple[Float64[Tensor, "b"], Int[Tensor, "b"], Int[Tensor, "b"]]:
        hits = subject.votes(x, ESTIMATION, self.samples).gather(1, classes).sum(1)
        share = share_at_least(hits, self.samples, self.alpha)
        return share, torch.full_like(hits, self.samples), hits
