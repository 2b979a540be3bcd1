"""Specifications: properties of the logits to be proven."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from hauberk.accepted import labels, tensor
from hauberk.errors import InputError, ShapeError


@dataclass(frozen=True)
class LinearSpec:
    """A specification that holds where `rows @ logits + offset > 0` for all k rows.

    Args:
        rows: the coefficients of the logits.
        offset: the constants.

    Example:
        >>> import torch
        >>> from hauberk.concepts.specification import LinearSpec
        >>> spec = LinearSpec.margins(torch.tensor([1]), classes=3)
        >>> spec.value(torch.tensor([[0.0, 2.0, 5.0]]))
        tensor([[ 2., -3.]])
    """

    rows: Float[Tensor, "b k classes"]
    offset: Float[Tensor, "b k"]

    @classmethod
    def margins(cls, y: Shaped[Tensor, "b"], classes: int, dtype: torch.dtype = torch.float32) -> "LinearSpec":
        """Return "y beats every other class": the classes - 1 rows e_y - e_j, j != y, in increasing order of j.

        On an accelerator, which is not waited for, a label outside the classes is the device's own error.

        Raises:
            ShapeError: y does not hold one integer per example.
            InputError: a label lies outside 0 .. classes - 1, or there is one class alone.
        """
        if classes < 2:
            raise InputError(f"margins are between two classes or more, but there are {classes}.")
        y = tensor("labels", y)
        y = labels(y, len(y), classes if y.device.type == "cpu" else None)
        identity = torch.eye(classes, dtype=dtype, device=y.device)
        others = torch.arange(classes - 1, device=y.device)[None]
        others = others + (others >= y[:, None])
        rows = identity.index_select(0, y)[:, None] - identity[others]
        return cls(rows, rows.new_zeros(rows.shape[:2]))

    def value(self, logits: Float[Tensor, "b classes"]) -> Float[Tensor, "b k"]:
        """Return the k numbers that must be positive, for these logits."""
        return torch.einsum("bkc,bc->bk", self.rows, logits) + self.offset

    def require_fit(self, examples: int, classes: int) -> None:
        """Raise unless there is a specification of every logit for each example.

        Raises:
            ShapeError: rows or offset have another shape; nothing is broadcast over the batch.
        """
        b, k, logits = self.rows.shape
        if (b, logits) != (examples, classes) or self.offset.shape != (b, k) or not k:
            raise ShapeError(
                f"a specification of {examples} examples and {classes} logits has rows ({examples}, k, {classes}) and "
                f"offset ({examples}, k), k > 0, but they have {tuple(self.rows.shape)} and {tuple(self.offset.shape)}."
            )

    def labels(self) -> Int[Tensor, "b"]:
        """Return the labels whose margins these rows are.

        Raises:
            InputError: the rows are not all margins of a label, as `margins` gives them.
        """
        labels = self.rows.sum(1).argmax(1)
        margins = LinearSpec.margins(labels, self.rows.shape[2], self.rows.dtype)
        if not (torch.equal(self.rows, margins.rows) and torch.equal(self.offset, margins.offset)):
            raise InputError("these rows are not the margins of a label: make the specification by LinearSpec.margins.")
        return labels

    def to(self, dtype: torch.dtype) -> "LinearSpec":
        """Return the specification in another precision."""
        return LinearSpec(self.rows.to(dtype), self.offset.to(dtype))

    def select(self, index: Tensor) -> "LinearSpec":
        """Return the specifications of some of the examples."""
        return LinearSpec(self.rows[index], self.offset[index])
