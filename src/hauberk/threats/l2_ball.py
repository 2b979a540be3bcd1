"""The l_2 ball."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.radius import per_example
from hauberk.kernels.levels import multiplier
from hauberk.sets.ball_set import BallSet
from hauberk.sets.ball_threat import BallThreat
from hauberk.sets.moves import capped_multiple


class L2Set(BallSet):
    """The points within `radius` of `start` in the l_2 norm that lie in the range of valid inputs.

    Arguments are those of `BallSet`.
    """

    p = 2.0

    def nearest(self, offset: Float[Tensor, "b n"], room: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        size = offset.abs()
        largest = size.amax(1, keepdim=True)
        times = torch.minimum(multiplier(size, room, self.radius[:, None].double()), largest)
        share = size / largest.clamp(min=torch.finfo(size.dtype).tiny)
        return offset.sign() * torch.minimum(times * share, room)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return z moved along the gradient."""
        return z + self.dual_vector(gradient) * per_example(length, z)

    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        flat = w.flatten(1)
        flat = flat / flat.abs().amax(1, keepdim=True).clamp(min=torch.finfo(flat.dtype).tiny)
        return (flat / torch.linalg.vector_norm(flat, dim=1, keepdim=True).clamp(min=1)).view_as(w)

    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        return capped_multiple(gain, gain, room, need)

    def drawn(self, noise: Noise, n: int) -> Float[Tensor, "b n"]:
        """Return a uniform offset in the unit ball.

        Source: Voelker, Gosmann & Stewart 2017 (two coordinates dropped from a point of the sphere).
        """
        x = noise.normal((n + 2,), torch.float64)
        return (x / torch.linalg.vector_norm(x, dim=1, keepdim=True))[:, :n]

    def reach(self, c: Float[Tensor, "b k n"], room: Float[Tensor, "b k n"]) -> Float[Tensor, "b k"]:
        radius = self.radius[:, None]
        with torch.no_grad():
            times = multiplier(c, room, radius.unsqueeze(2).double())
            times = times / c.amax(2, keepdim=True).clamp(min=torch.finfo(c.dtype).tiny)
            slope = (1 / times).to(c.dtype).clamp(max=torch.finfo(c.dtype).max)
        excess = (c - slope * room).clamp(min=0)
        length = torch.linalg.vector_norm(c - excess, dim=2, dtype=torch.float64)
        return radius * length + (room * excess).sum(2, dtype=torch.float64)


class L2Ball(BallThreat):
    """The threat that an input moves by up to eps in the Euclidean norm, within the range of valid inputs.

    Args:
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius per example.
        within: the range of valid inputs; None if every number is valid.

    Raises:
        InputError: eps is negative, not finite or not a number.

    Example:
        >>> import torch
        >>> from hauberk.threats import L2Ball
        >>> S = L2Ball(0.5).at(torch.tensor([[0.5, 0.5]]))
        >>> S.contains(torch.tensor([[0.9, 0.9]]))  # at a distance of 0.57
        tensor([False])
        >>> S.support_function(torch.ones(1, 1, 2))  # the largest sum of both pixels: 1 + 0.5 * sqrt(2)
        tensor([[1.7071]])
    """

    norm = "l2"

    @staticmethod
    def cases() -> Cases:
        return {"eps": [0.5, 0.0, 1.5]}

    def at(self, x: Float[Tensor, "b *x"]) -> L2Set:
        return L2Set(*self.centers(x))
