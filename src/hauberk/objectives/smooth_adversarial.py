"""Adversarial training of a network that noise smooths."""

import math
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.errors import InputError
from hauberk.kernels.modes import eval_mode
from hauberk.ranges import Count


@dataclass(frozen=True)
class SmoothAdversarial(Objective):
    """The loss at noisy copies of points where an attack misleads the average over just these copies.

    Each example draws its noises once a step. The attack sees z -> log(mean_i softmax(network(z + noise_i))): with the
    cross-entropy it climbs -log(mean_i p_y), which is no mean of cross-entropies. Training then takes the mean loss of
    all copies. They form one batch of `samples` times the size in every pass. The attack's passes are made in eval
    mode, and move no running statistics.

    `robust` counts the examples whose attacked point the average classifies correctly, by the logits that are trained
    on. It is the average of probabilities, not the vote that certificates speak of. Clean examples are not evaluated.

    Args:
        attack: finds the points; it must keep all examples, as PGD does with `stop_when_broken=False`.
        noise: the noise, the same as for certification.
        loss: the loss to minimise at the copies.
        samples: the number of copies of each example.

    Raises:
        InputError: samples is not positive; when called: the attack drops examples.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.attacks import PGD
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import SmoothAdversarial
        >>> from hauberk.smoothing import Gaussian
        >>> from hauberk.threats import L2Ball
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.9, 0.1], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> attack = PGD(CrossEntropy(), steps=4, step=0.5, stop_when_broken=False)
        >>> objective = SmoothAdversarial(attack, Gaussian(0.01), CrossEntropy(), samples=4)
        >>> value = objective(network, x, y, L2Ball(0.2), progress=progress, noise=noise)
        >>> round(value.loss.item(), 1), value.robust.tolist()
        (0.6, [True, False])

    Source: Salman et al. 2019, SmoothAdv with PGD.
    """

    attack: Attack
    noise: SmoothingNoise
    loss: AdversarialLoss
    samples: Count = 2
    measure = "attacked"

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
        S, module = threat.at(x), network.module if isinstance(network, Graph) else network
        nothing = x.new_zeros(self.samples * len(x), *x.shape[1:])
        noises = self.noise.added(nothing, noise.fold(0).repeated(self.samples))
        averaged = Averaged(network, noises.unflatten(0, (len(x), self.samples)))
        with eval_mode(module):
            z = self.attack(averaged, S, y, noise=noise.fold(1))
        logits = averaged.copies(S.decode(z).detach())
        loss = self.loss(logits, y.repeat_interleave(self.samples)).mean()
        return ObjectiveValue(loss, None, averaged.mean(logits).argmax(1) == y)


@dataclass(frozen=True)
class Averaged:
    """A network's average over copies of its inputs, each with given noise.

    Args:
        network: the network.
        noises: the noises of each example.
    """

    network: Network
    noises: Float[Tensor, "b m *x"]

    def __call__(self, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        return self.mean(self.copies(x))

    def copies(self, x: Float[Tensor, "n *x"]) -> Float[Tensor, "bm classes"]:
        """Return the logits of all copies, those of one example in a row.

        Raises:
            InputError: these are not as many examples as there are noises for.
        """
        if len(x) != len(self.noises):
            raise InputError(
                f"the noises of {len(self.noises)} examples do not belong to {len(x)} others: SmoothAdversarial needs "
                "an attack that keeps all examples (PGD: stop_when_broken=False)."
            )
        return self.network((x[:, None] + self.noises).flatten(0, 1))

    def mean(self, logits: Float[Tensor, "bm classes"]) -> Float[Tensor, "b classes"]:
        """Return the logarithms of each example's mean probabilities."""
        b, m = self.noises.shape[:2]
        return logits.log_softmax(1).view(b, m, -1).logsumexp(1) - math.log(m)
