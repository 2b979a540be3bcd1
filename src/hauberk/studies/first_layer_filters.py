"""The weights of the first layer."""

import math
from dataclasses import dataclass

import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import ShapeError
from hauberk.ranges import Count


@dataclass(frozen=True)
class FirstLayerFilters(Study):
    """The weights of the first convolution or linear layer, each output's as an image.

    Rows of a linear layer take the shape of the inputs if the sizes agree; otherwise they form a line.

    Args:
        count: the maximum number of outputs, from the first.

    Raises:
        InputError: count is not positive.
    """

    count: Count = 64

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        found = ((n, m) for n, m in subject.module.named_modules() if isinstance(m, nn.Conv2d | nn.Linear))
        name, layer = next(found, (None, None))
        if layer is None:
            raise ShapeError(
                "the network has no convolution of images and no linear layer whose weights could be shown."
            )
        images = as_images(layer.weight.detach()[: self.count], tuple(data.inputs.shape[1:]))
        places = torch.cartesian_prod(*(torch.arange(size) for size in images.shape))
        columns = dict(zip(("filter", "channel", "row", "column"), places.T.tolist(), strict=True))
        table = pl.DataFrame({**columns, "weight": images.flatten().double().tolist()})
        return Findings(table, {"layer": str(name), "kind": type(layer).__name__, "outputs": str(len(layer.weight))})


def as_images(weight: Float[Tensor, "n ..."], shape: tuple[int, ...]) -> Float[Tensor, "n c h w"]:
    """Return weights as images: a linear layer's rows in this input shape if the sizes agree, otherwise as lines."""
    if weight.ndim == 4:
        return weight
    if len(shape) == 3 and math.prod(shape) == weight.shape[1]:
        return weight.unflatten(1, shape)
    return weight[:, None, None]
