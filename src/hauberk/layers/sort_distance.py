"""The units of SortNet."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError
from hauberk.kernels.lp_distance import lp_distance, matched
from hauberk.kernels.sorted_distance import shares_of, sorted_distance
from hauberk.layers.lp_distance import LpNeurons
from hauberk.ranges import Count, NonNegative, PositiveShare

EXAMPLES = 32


class SortDistance(LpNeurons):
    """A dense layer u_o = sum_k q (1 - q)^(k - 1) d_(k), with d_(1) >= d_(2) >= ... the sorted |x_i - w_oi|.

    But for a tail of (1 - q)^terms, this is the mean of max_i |x_i - w_oi| over random sets of inputs, each of which is
    kept with probability q = keep. Training takes that maximum, or its l_p relaxation, over one such set for every
    `examples` of a batch, drawn as dropout's are; evaluation sums the `terms` largest distances, with shares that sum
    up to 1. It is 1-Lipschitz from l_inf to l_inf, p plays no part in it, and keep = 1 is the l_inf distance.

    Args:
        in_features: the number of inputs.
        out_features: the number of neurons.
        keep: the probability q with which training keeps an input, in (0, 1].
        terms: the number of distances summed.
        bias: True to add a bias to each neuron.
        identity: as in `LpDistance`.
        examples: the number of examples that share a set of inputs.

    Raises:
        InputError: a size is not positive, or keep out of range.

    Example:
        >>> import torch
        >>> from hauberk.layers import SortDistance
        >>> layer = SortDistance(2, 1, keep=0.5, terms=2).eval()
        >>> layer.weight.data = torch.zeros(1, 2)
        >>> round(layer(torch.tensor([[3.0, -6.0]])).item(), 4)  # 2/3 of 6 and 1/3 of 3
        5.0

    Source: Zhang, Jiang, He & Wang 2022 (Rethinking Lipschitz neural networks), section 5.
    """

    def __init__(
        self,
        in_features: Count,
        out_features: Count,
        keep: PositiveShare,
        terms: Count = 10,
        bias: bool = False,
        identity: NonNegative | None = 10.0,
        examples: Count = EXAMPLES,
    ) -> None:
        if not 0 < keep <= 1 or min(terms, examples) < 1:
            raise InputError(
                f"SortDistance needs keep in (0, 1] and positive terms and examples, but has keep={keep}, "
                f"terms={terms}, examples={examples}."
            )
        super().__init__(in_features, out_features, identity)
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        self.keep, self.terms, self.examples = keep, terms, examples

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        u = self.masked(x) if self.training else sorted_distance(x, x, self.weight, shares_of(self.keep, self.terms))
        return u if self.bias is None else u + self.bias

    def masked(self, x: Float[Tensor, "..."]) -> Float[Tensor, "b *s out"]:
        """Return the distances over random sets of inputs, which the host draws: its sizes are shapes on the device."""
        inputs = self.weight.shape[1]
        if self.keep == 1:
            return self.distances(x)
        parts = []
        for part in matched(x, self.weight).split(self.examples):
            size = int(torch.binomial(torch.tensor(float(inputs)), torch.tensor(self.keep)))
            kept = torch.randperm(inputs)[: max(size, 1)].to(x.device, non_blocking=True)
            parts.append(lp_distance(part.index_select(-1, kept), self.weight.index_select(1, kept), self.p))
        return torch.cat(parts)

    def extra_repr(self) -> str:
        neurons, inputs = self.weight.shape
        return f"{inputs}, {neurons}, keep={self.keep}, terms={self.terms}, bias={self.bias is not None}"
