"""l_inf-distance networks that interpolate given values: universal approximation, as a construction."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk import accepted
from hauberk.errors import InputError, ShapeError
from hauberk.kernels.lp_distance import lp_distance
from hauberk.layers.lp_distance import LpDistance
from hauberk.ranges import Checked

BLOCK = 512
"""The number of points compared with all others at once."""


class LipschitzInterpolant(Checked, nn.Sequential):
    """An l_inf-distance network through given points: logit_k(x) = min_i (values[i, k] + ||x - points[i]||_inf).

    Construction. The first layer's weights are the points, so that its outputs are u_i = ||x - points[i]||. With C at
    least u_i + values[i, k] for all i, k and all x of the range, the last layer has weights C - values[i, k] and biases
    -C, and logits are the negatives of its outputs: C - max_i |u_i + values[i, k] - C| = min_i (u_i + values[i, k]).

    Theorem. Let each coordinate of f: [0, 1]^d -> R^K be 1-Lipschitz in l_inf, and let every x of the cube lie within
    delta of one of the points. The network g of these points and values[i] = f(points[i]) has f <= g <= f + 2 delta
    everywhere on the cube and g = f at the points. Each of its logits is 1-Lipschitz on the whole space, so that a
    margin certifies a radius of half its size.

    Proof (the extension of McShane and of Whitney). f(points[i]) + ||x - points[i]|| >= f(x) for every i, with equality
    if x is that point: hence g >= f, and g = f at the points. With the i nearest to x, g(x) <= f(points[i]) + delta <=
    f(x) + 2 delta. Distances are 1-Lipschitz in l_inf by the triangle inequality, and so are their compositions. QED.

    The centres of a grid of ceil(1 / (2 delta))^d cells are such points: the network is shallow and, where d is large,
    wide. Zhang et al. 2021 approximate any 1-Lipschitz function by deep networks of width d + 2.

    Robust classification. Let D_i be the distance of point i from the nearest point of another class. `separating`
    takes values[i, k] = -(distance of point i from class k), which are 1-Lipschitz and 0 for the own class: margins at
    the points are D_i, certified radii D_i / 2. If classes are more than 2 r apart, all points are thus certified at r.
    No classifier does better at all points at once: open balls around two points at distance D of different classes,
    each within the region of its class, have radii of sum at most D, so the smallest radius is at most min_i D_i / 2.

    Args:
        points: the points, pairwise different unless their values agree.
        values: the logits there.
        within: the range of inputs for which the formula holds; all points lie in it. The network is 1-Lipschitz
            beyond it, too.

    Raises:
        ShapeError: there is no point or value, their numbers differ, or they are not of one floating-point type.
        InputError: a number is not finite, a point leaves the range, or values are not 1-Lipschitz on the points.

    Example:
        >>> import torch
        >>> from hauberk.architectures import LipschitzInterpolant
        >>> points, labels = torch.tensor([[0.0, 0.0], [0.5, 1.0]]), torch.tensor([0, 1])
        >>> network = LipschitzInterpolant.separating(points, labels, classes=2)
        >>> network(torch.tensor([[0.0, 0.25], [0.5, 0.25]])).tolist()
        [[-0.25, -0.75], [-0.25, -0.5]]

    Source: Zhang et al. 2021, the theorem of universal approximation.
    """

    def __init__(
        self,
        points: Float[Tensor, "n *x"],
        values: Float[Tensor, "n classes"],
        within: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        super().__init__()
        require_points(points, within)
        if values.ndim != 2 or len(values) != len(points) or values.dtype != points.dtype or not values.numel():
            raise ShapeError(
                f"values must be ({len(points)}, classes) of type {points.dtype}, but have shape {tuple(values.shape)} "
                f"and type {values.dtype}."
            )
        if not values.isfinite().all():
            raise InputError(f"values must be finite, but one is {values[~values.isfinite()][0].item()}.")
        rows, (low, high) = points.flatten(1), within
        farthest = torch.maximum(rows - low, high - rows).amax(1, keepdim=True)  # from any input of the range
        ceiling = (values + farthest).max()
        first = LpDistance(rows.shape[1], len(rows), identity=None).to(points)
        last = LpDistance(len(rows), values.shape[1], bias=True, identity=None).to(points)
        with torch.no_grad():
            first.weight.copy_(rows)
            last.weight.copy_((ceiling - values).T)
            last.bias.copy_(-ceiling)  # pyright: ignore[reportOptionalMemberAccess]
        self.extend([nn.Flatten()] * (points.ndim > 2) + [first, last])
        scale = ceiling.abs() + values.abs().max() + rows.abs().max()
        self.require_interpolation(points, values, 8 * torch.finfo(points.dtype).eps * scale.item())

    @classmethod
    def separating(
        cls,
        points: Float[Tensor, "n *x"],
        labels: Int[Tensor, "n"],
        classes: int,
        within: tuple[float, float] = (0.0, 1.0),
    ) -> "LipschitzInterpolant":
        """Return the network that certifies each point at half its distance from the nearest point of another class.

        Costs n^2 distances. A class without points is treated as one at a distance of the width of the range.

        Args:
            points: the points; equal ones of different classes have margin 0.
            labels: their classes.
            classes: the number of logits.
            within: the range of inputs, as in the constructor.

        Raises:
            ShapeError: points are none or not floating point, or labels are not one integer for each.
            InputError: a number is not finite, a point leaves the range, or a label is not below `classes`.
        """
        require_points(points, within)
        labels = accepted.labels(labels, len(points), classes)
        rows = points.flatten(1)
        distances = [distance_from(rows[labels == label], rows, within[1] - within[0]) for label in range(classes)]
        return cls(points, -torch.stack(distances, 1), within)

    @torch.no_grad()
    def require_interpolation(
        self, points: Float[Tensor, "n *x"], values: Float[Tensor, "n classes"], tolerance: float
    ) -> None:
        """Raise unless logits at the points are the values, which are 1-Lipschitz there just then.

        Raises:
            InputError: they are smaller; the message names two points whose values differ by more than their distance.
        """
        for start in range(0, len(points), BLOCK):
            x = points[start : start + BLOCK]
            lacking = values[start : start + BLOCK] - self(x)
            if lacking.max() > tolerance:
                place, label = divmod(int(lacking.argmax()), values.shape[1])
                distance = (x[place] - points).flatten(1).abs().amax(1)
                other = int((distance + values[:, label]).argmin())
                difference = values[start + place, label] - values[other, label]
                raise InputError(
                    f"values of class {label} must be 1-Lipschitz, but differ by {difference.item():.6g} between "
                    f"points {other} and {start + place}, whose distance is {distance[other].item():.6g}."
                )

    def forward(self, input: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        return -super().forward(input)


def require_points(points: Tensor, within: tuple[float, float]) -> None:
    """Raise unless points are a batch of floating-point inputs within a finite range.

    Raises:
        ShapeError: they are no such batch.
        InputError: the range is empty or not finite, or a number leaves it or is NaN.
    """
    if points.ndim < 2 or not points.numel() or not points.is_floating_point():
        raise ShapeError(
            f"points must be a non-empty batch (n, ...) of floating-point inputs, but have shape {tuple(points.shape)} "
            f"and type {points.dtype}."
        )
    low, high = within
    if not -math.inf < low < high < math.inf:
        raise InputError(f"within must be a finite range (low, high), but is {within}.")
    if len(wrong := points[~((points >= low) & (points <= high))]):
        raise InputError(f"points must lie within {within}, but one has the coordinate {wrong[0].item():.6g}.")


def distance_from(others: Float[Tensor, "m d"], points: Float[Tensor, "n d"], otherwise: float) -> Float[Tensor, "n"]:
    """Return the l_inf distance of each point from the nearest of others, or a number if there are none."""
    if not len(others):
        return points.new_full((len(points),), otherwise)
    p = points.new_tensor(math.inf)
    return torch.cat([lp_distance(block, others, p).amin(1) for block in points.split(BLOCK)])
