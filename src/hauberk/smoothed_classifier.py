"""A network, smoothed and certified in two lines."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError
from hauberk.sampling.certification import Certification, SmoothedAnswer
from hauberk.sampling.requirements import real
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian, Sequential, Uniform


@dataclass(frozen=True)
class SmoothedClassifier(SmoothedNetwork):
    """A smoothed network that certifies batches of inputs by itself; `smoothed` makes one.

    Args:
        network: the network that is smoothed; a normalisation belongs inside.
        by: noise and numbers of votes.
    """

    def certify(self, x: Float[Tensor, "b *x"], by: Certification | None = None, top: int = 1) -> SmoothedAnswer:
        """Return labels and the radii within which they are the most likely ones.

        Args:
            x: the inputs.
            by: the procedure; by default votes are drawn until the radius stops growing.
            top: certifies a set of this many classes instead of a label.

        Raises:
            ShapeError: x is no batch of floating-point inputs, or there are fewer classes than `top`.
            InputError: `by` is no procedure.
        """
        procedure = Sequential(alpha=self.by.alpha) if by is None else by
        if not isinstance(procedure, Certification):
            raise InputError(f"`by` is a procedure, such as smoothing.FixedSample(), but is {procedure!r}.")
        return procedure.answer(self, x, top=top)


def smoothed(
    model: nn.Module, sigma: float, norm: str = "l2", *, samples: int = 1000, alpha: float = 0.001, seed: int = 0
) -> SmoothedClassifier:
    """Return a model's smoothed version, which answers with the class that the model gives most often under noise.

    Args:
        model: maps inputs to logits; a normalisation belongs inside. It runs in eval mode, and is not changed.
        sigma: the noise's standard deviation, in units of the input.
        norm: the norm in which it is certified: "l2" (normal noise) or "l1" (uniform noise).
        samples: votes for a prediction.
        alpha: the probability with which an answer may be wrong.
        seed: seeds the noise; choose it without regard to model and inputs.

    Raises:
        InputError: the model is no torch module, a number is out of range, or there is no noise for the norm.

    Example:
        >>> import hauberk
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(2, 2, bias=False)
        >>> model.weight.data = torch.eye(2)
        >>> x = torch.tensor([[0.9, 0.1], [0.5, 0.5]])
        >>> g = hauberk.smoothed(model, sigma=0.25)
        >>> answer = g.certify(x)
        >>> g.predict(x).tolist(), answer.label.tolist()
        ([0, -1], [0, -1])
        >>> bool(0.45 < answer.radius[0] < 0.8 / 2**0.5)  # the boundary's distance
        True

    Source: Cohen et al. 2019; Yang et al. 2020.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"model is a torch module that maps inputs to logits, but is a {type(model).__name__}.")
    deviation = real("sigma", sigma)
    noises = {"l2": lambda: Gaussian(deviation), "l1": lambda: Uniform(deviation * 3**0.5)}
    if not isinstance(norm, str) or norm not in noises:
        raise InputError(f'noise certifies norm "l2" or "l1", but norm is {norm!r}: verify others by bounds.')
    return SmoothedClassifier(model, Smoothing(noises[norm](), samples, alpha, seed))
