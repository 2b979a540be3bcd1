"""Radii that verifiers have proven around a batch of examples."""

import polars as pl
import torch
from jaxtyping import Float32, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate
from hauberk.concepts.rounding import rounded_down
from hauberk.evaluation.rounding import finite_or_null


class Radii:
    """The largest radius proven around each example, and the largest proven with certainty.

    A radius covers all smaller ones. NaN stands for examples for which no verifier searched.

    Args:
        y: the labels; their number and device are those of the examples.
    """

    def __init__(self, y: Int[Tensor, "b"]) -> None:
        self.by: list[str | None] = [None] * len(y)
        self._largest = torch.full_like(y, torch.nan, dtype=torch.float64)
        self._sure = torch.full_like(self._largest, torch.nan)

    def inherit(self, larger: pl.DataFrame) -> None:
        """Take over the radii in records of the same examples; what is not known to be sure is not."""
        known = [torch.nan if radius is None else radius for radius in larger["radius"]]
        self._largest = torch.tensor(known, dtype=torch.float64, device=self._largest.device)

    def note(self, name: str, left: Int[Tensor, "s"], certificate: Certificate) -> None:
        """Record the radii of a certificate, if it has any, for the examples at these positions."""
        if certificate.radius is None:
            return
        most = torch.finfo(torch.float32).max
        radius = certificate.radius.double().nan_to_num(nan=0.0, posinf=most).clamp(0, most)
        self._largest[left] = torch.fmax(self._largest[left], radius)  # a number, if either is one
        better = (certificate.confidence == 1) & ~(radius <= self._sure[left])
        self._sure[left[better]] = radius[better]
        for position in left[better].tolist():
            self.by[position] = name

    def contradicted(self, distance: Float32[Tensor, "b"]) -> Int[Tensor, "s"]:
        """Return the positions of examples that are misclassified within a radius proven with certainty.

        Args:
            distance: of the nearest misclassified points, rounded up; infinite where there is none.
        """
        return (distance <= rounded_down(self._sure)).nonzero()[:, 0]

    def sure(self, position: int) -> float:
        """Return the radius proven with certainty around an example."""
        return float(self._sure[position])

    def column(self) -> list[float | None]:
        """Return the radii as a column, rounded down; null where no verifier searched for one."""
        return finite_or_null(rounded_down(self._largest))
