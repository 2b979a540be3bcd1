"""Training that makes a network its own average over Gaussian noise, without labels."""

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call

from hauberk.concepts.attack import slope
from hauberk.concepts.cases import Cases
from hauberk.concepts.graph import Graph
from hauberk.concepts.initialisation import Initialisation
from hauberk.concepts.memory import FrozenWeights
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.kernels.closeness import alike
from hauberk.kernels.full_precision import without_autocast
from hauberk.kernels.gradients import gradients
from hauberk.kernels.modes import eval_mode
from hauberk.kernels.packed_state import load
from hauberk.ranges import Count, Positive, Share


@dataclass(frozen=True)
class HeatSmoothing(Objective):
    """The distance from an earlier state of the network, plus a penalty on slopes; without labels.

    A network's average over Gaussian noise solves the heat equation. Training is split evenly into implicit steps of
    it: each minimises half the squared distance from the network as it was when the timestep began, plus a multiple of
    the squared Frobenius norm of the logits' Jacobian. That norm is estimated from slopes of random combinations of
    logits: finite differences along each one's input gradient, whose direction is a constant of the loss.

    A step makes 2 passes, one of `directions` times the batch, and as many gradients of inputs. The target is in eval
    mode. In training mode batch norm normalises the moved points, all directions together, by their own statistics; the
    first pass alone moves running statistics. Autocast is off: half precision would round differences away. `correct`
    is measured at the points trained on. Nothing here certifies: smooth the network by noise for that. Checkpoints hold
    the target; outside of a training run an instance belongs to one network.

    Args:
        sigma: the standard deviation of the noise to average over, in units of the input.
        timesteps: the number of timesteps; published: 5 (CIFAR-10) and 1 (ImageNet).
        distance: what is compared: "logits" (CIFAR-10) or "softmax" (ImageNet).
        noisy_share: the share of examples that noise is added to, not for the target; published: 0.5 (ImageNet).
        directions: the number of random combinations of logits.
        delta: the length of the finite differences, in units of the input.
        normalisation: "unbiased"; or "as-printed", which multiplies the penalty by directions / classes.
        diffusion: "exact"; or "as-printed", which doubles the penalty, and so averages over sqrt(2) * sigma.
        gamma: multiplies the penalty; 5 in the published code for CIFAR-10.
        base: weights of the first target. Every timestep then begins with the weights that training began with; the
            optimizer goes on. None: training begins at the first target, and each timestep where the last one ended.

    Raises:
        InputError: an argument is out of range; when called: there are fewer steps than timesteps.
        UnsupportedOpError: when a timestep begins: the network draws random numbers, as dropout does, which would
            differ between the ends of a difference.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.objectives import HeatSmoothing
        >>> from hauberk.threats import L2Ball
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)  # the squared norm of its Jacobian is 2
        >>> x, y = torch.tensor([[0.9, 0.1], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = HeatSmoothing(sigma=1.0, directions=2000)
        >>> value = objective(network, x, y, L2Ball(0.1), progress=progress, noise=noise)
        >>> {name: round(part.item(), 1) for name, part in value.parts.items()}
        {'distance': 0.0, 'penalty': 0.5}

    Source: Campbell, Finlay & Oberman, Adversarial Boot Camp, Alg. 1, with two factors corrected.
    """

    sigma: Positive
    timesteps: Count = 1
    distance: Literal["logits", "softmax"] = "logits"
    noisy_share: Share = 0.0
    directions: Count = 10
    delta: Positive = 0.1
    normalisation: Literal["unbiased", "as-printed"] = "unbiased"
    diffusion: Literal["exact", "as-printed"] = "exact"
    gamma: Positive = 1.0
    base: Initialisation | None = None
    target: FrozenWeights = field(default_factory=FrozenWeights, init=False, repr=False, compare=False)
    initial: FrozenWeights = field(default_factory=FrozenWeights, init=False, repr=False, compare=False)
    labelled = False

    @staticmethod
    def cases() -> Cases:
        return {"distance": ["logits", "softmax"], "noisy_share": [0.0, 0.5], "directions": [3], "base": [None]}

    @property
    def coefficient(self) -> float:
        """The factor of the squared norm, next to half a squared distance."""
        # The minimum has v - f = 2c * Laplacian v; an implicit step over 1/timesteps of the time wants sigma^2/2 there.
        exact = self.gamma * self.sigma**2 / (4 * self.timesteps)
        return exact if self.diffusion == "exact" else 2 * exact

    def __call__(
        self,
        network: nn.Module | Graph,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        threat: ThreatModel,
        *,
        progress: Progress,
        noise: Noise,
    ) -> ObjectiveValue:
        module = network.module if isinstance(network, Graph) else network
        if torch.is_grad_enabled():
            self.advance(module, x, progress)
        with gradients(), without_autocast():
            points = self.points(x, noise).detach().requires_grad_()
            out = module(points)
            with torch.no_grad(), eval_mode(module):
                goal = functional_call(module, self.target.state(module), (x,))
            compared = (out.softmax(1), goal.softmax(1)) if self.distance == "softmax" else (out, goal)
            penalty = self.coefficient * self.slopes(module, points, out, noise.fold(2)).mean()
            parts = {"distance": (compared[0] - compared[1]).square().sum(1).mean() / 2, "penalty": penalty}
        return ObjectiveValue(parts["distance"] + parts["penalty"], out.argmax(1) == y, None, parts)

    def advance(self, module: nn.Module, x: Float[Tensor, "b *x"], progress: Progress) -> None:
        """Freeze the network as the target when a timestep begins; with a base, start anew."""
        timestep = min(self.timesteps * progress.step // progress.steps, self.timesteps - 1)
        first = self.target.rows is None
        if first or self.target.timestep != timestep:
            if progress.steps < self.timesteps:
                raise InputError(f"{self.timesteps} timesteps need as many steps, but training has {progress.steps}.")
            require_repeatable(module, x)
            if first and self.base is not None:
                self.initial.keep(module, timestep)
                self.base(module, x, torch.Generator(x.device))
            self.target.keep(module, timestep)
            load(self.initial.state(module), module)

    def points(self, x: Float[Tensor, "b *x"], noise: Noise) -> Float[Tensor, "b *x"]:
        """Return the inputs, some of them with noise."""
        if not self.noisy_share:
            return x
        chosen = noise.fold(0).uniform((1,) * (x.ndim - 1), x.dtype) < self.noisy_share
        return x + self.sigma * chosen * noise.fold(1).normal(tuple(x.shape[1:]), x.dtype)

    def slopes(
        self, module: nn.Module, points: Float[Tensor, "b *x"], out: Float[Tensor, "b classes"], noise: Noise
    ) -> Float[Tensor, "b"]:
        """Return estimates of the squared norm of the Jacobian."""
        w = noise.normal((self.directions, out.shape[1]), out.dtype).movedim(1, 0)
        uphill = torch.stack([slope((row * out).sum(1), points, keep=True) for row in w]).flatten(2)
        steps = self.delta * F.normalize(uphill / uphill.abs().amax(2, keepdim=True).clamp(min=1e-38), dim=2)
        moved = (points.detach() + steps.view(-1, *points.shape)).flatten(0, 1)
        spare = {name: buffer.clone() for name, buffer in module.named_buffers()}
        ends = functional_call(module, spare, (moved,)).view_as(w)
        squares = ((w * (ends - out)).sum(2) / self.delta).square().sum(0)
        return squares / (self.directions if self.normalisation == "unbiased" else out.shape[1])


@torch.no_grad()
def require_repeatable(module: nn.Module, x: Float[Tensor, "b *x"]) -> None:
    """Raise if two passes of a network in its present mode differ.

    Raises:
        UnsupportedOpError: they do.
    """
    spare = {name: buffer.clone() for name, buffer in module.named_buffers()}
    one, two = (functional_call(module, spare, (x,)) for _ in range(2))
    if not alike(one, two):
        raise UnsupportedOpError(
            "HeatSmoothing takes differences, but two passes of the network in training mode differ on the same "
            "inputs: set the p of dropout to 0, and leave out what draws random numbers or changes from pass to pass."
        )
