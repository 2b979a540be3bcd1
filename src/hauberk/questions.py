"""Questions about a batch of inputs, each asked in one line: is it broken, what are its bounds, is it proven?"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from hauberk import accepted
from hauberk.asked import asked, batch, isolated, of_logits
from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.noise import Noise, require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.full_precision import full_precision
from hauberk.kernels.modes import eval_mode
from hauberk.presets.budgets import prove
from hauberk.presets.named import ATTACKS, BOUNDERS, Radius, called, threat_of
from hauberk.verification import ByBound, LargestRadius

Inputs = Float[Tensor, "b *x"] | Float[np.ndarray, "b *x"]
Labels = Integer[Tensor, "b"] | Integer[np.ndarray, "b"]
Range = tuple[float, float] | None


class LogitBounds(NamedTuple):
    """Bounds of logits, or of other linear functions of them, over the perturbation set of every input."""

    lower: Float[Tensor, "b k"]
    """The lower bounds; -inf where nothing is known."""
    upper: Float[Tensor, "b k"]
    """The upper bounds; inf where nothing is known."""


@full_precision()
def attack(
    model: nn.Module,
    x: Inputs,
    y: Labels,
    eps: Radius | None = None,
    norm: str = "linf",
    *,
    within: Range = (0.0, 1.0),
    threat: ThreatModel | None = None,
    by: str | Attack = "autoattack",
    seed: int = 0,
) -> Float[Tensor, "b *x"]:
    """Return adversarial inputs: misclassified where the attack succeeds, within eps of x everywhere.

    Args:
        model: maps inputs to logits; a normalisation belongs inside. It is attacked in eval mode, and not changed.
        x: the inputs, tensors or arrays.
        y: the labels.
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius per input.
        norm: "linf", "l2", "l1", "l0"; "flow", "recolor" or "jpeg" for images.
        within: the range of valid inputs; None if every number is valid.
        threat: any other threat, in place of eps, norm and within.
        by: "autoattack", "ensemble", "pgd", "fgsm" and others (`presets.named.ATTACKS`), or an attack.
        seed: seeds the attack's noise.

    Raises:
        InputError: a value or a name is none of these, or inputs leave the range; the message says what to do.
        ShapeError: inputs or labels have the wrong shape or type.
        UnsupportedSetError: the attack is not defined for this threat.

    Example:
        >>> import hauberk
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(2, 2, bias=False)
        >>> model.weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.5], [0.9, 0.1]]), torch.tensor([0, 0])
        >>> adversarial = hauberk.attack(model, x, y, eps="0.1", by="pgd")
        >>> model(adversarial).argmax(1).tolist()
        [1, 0]
    """
    given = accepted.inputs(x)
    inputs, labels = batch(model, given), accepted.labels(y, len(given))
    found, S = called("by", by, Attack, ATTACKS), threat_of(threat, eps, norm, within).at(inputs)
    require_seed(seed)
    noise = Noise.of(seed, torch.arange(len(inputs), device=inputs.device))
    with isolated(inputs.device, seed):
        return S.decode(found(model, S, labels.to(inputs.device), noise=noise)).to(given.device)


def bound(
    model: nn.Module,
    x: Inputs,
    eps: Radius | None = None,
    norm: str = "linf",
    *,
    within: Range = (0.0, 1.0),
    threat: ThreatModel | None = None,
    rows: Float[Tensor, "k classes"] | Float[Tensor, "b k classes"] | None = None,
    by: str | Bounder = "crown",
) -> LogitBounds:
    """Return proven bounds of the logits over all perturbations of each input, rounding errors included.

    Args:
        model: as in `attack`.
        x: the inputs.
        eps: as in `attack`.
        norm: as in `attack`.
        within: as in `attack`.
        threat: as in `attack`.
        rows: coefficients of linear functions of the logits, which are bounded instead: for all inputs, or for each.
        by: "interval", "crown-ibp", "crown", "fast-lin", "dual" or "alpha-crown", or a bounder that certifies.

    Raises:
        InputError: a value or a name is none of these, or inputs leave the range; the message says what to do.
        ShapeError: inputs or rows have the wrong shape or type.
        UnsupportedOpError: the network uses operators without bounds; the message names all of them.
        UnsupportedSetError: nothing can be proven over this threat.

    Example:
        >>> import hauberk
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(2, 2, bias=False)
        >>> model.weight.data = torch.eye(2)
        >>> lower, upper = hauberk.bound(model, torch.tensor([[0.6, 0.3]]), eps=0.1)
        >>> [[round(number, 3) for number in side[0].tolist()] for side in (lower, upper)]
        [[0.5, 0.2], [0.7, 0.4]]
    """
    inputs = batch(model, x)
    subject, S = asked(model, inputs), threat_of(threat, eps, norm, within).at(inputs)
    rows = of_logits(rows, inputs, subject.graph.classes)
    spec = LinearSpec(torch.cat([rows, -rows], 1), rows.new_zeros(len(rows), 2 * rows.shape[1]))
    with eval_mode(model):
        lower, negative = ByBound(called("by", by, Bounder, BOUNDERS))(subject, S, spec).lower.chunk(2, 1)
    return LogitBounds(lower, -negative)


def certify(
    model: nn.Module,
    x: Inputs,
    y: Labels,
    eps: Radius | None = None,
    norm: str = "linf",
    *,
    within: Range = (0.0, 1.0),
    threat: ThreatModel | None = None,
    by: str | Bounder | Verifier | None = None,
    minutes: float = 1.0,
    largest: bool = False,
) -> Certificate:
    """Return whether it is proven, for each input, that no perturbation changes the model's answer from its label.

    The certificate has the `verdict` of each input (`Verdict.VERIFIED`, FALSIFIED, UNKNOWN, TIMEOUT), lower bounds of
    the label's margins over all other classes, the least of them as `margin` and, on request, the largest `radius`.

    Args:
        model: as in `attack`.
        x: the inputs.
        y: the labels.
        eps: as in `attack`; with `largest`, radii are searched from here, and up to it.
        norm: as in `attack`.
        within: as in `attack`.
        threat: as in `attack`.
        by: a verifier, a bounder, or the name of one as in `bound`; by default all that there is time for.
        minutes: the time that the default takes at most.
        largest: search for the largest radius up to eps at which each input is proven, by a bounder ("crown").

    Raises:
        InputError, ShapeError, UnsupportedOpError, UnsupportedSetError: as in `bound`; also if a label is no class, or
            the largest radius is asked of a verifier.

    Example:
        >>> import hauberk
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(2, 2, bias=False)
        >>> model.weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> certificate = hauberk.certify(model, x, y, eps=0.1)
        >>> certificate.verified.tolist(), [round(margin, 2) for margin in certificate.margin.tolist()]
        ([True, False], [0.1, -0.1])
    """
    inputs = batch(model, x)
    labels = accepted.labels(y, len(inputs)).to(inputs.device)
    subject, over = asked(model, inputs), threat_of(threat, eps, norm, within)
    spec = LinearSpec.margins(labels, subject.graph.classes, inputs.dtype)
    with eval_mode(model):
        if largest:
            bounder = called("by", "crown" if by is None else by, Bounder, BOUNDERS)
            return LargestRadius(bounder)(subject, over, inputs, spec)
        verifier = prove(minutes) if by is None else by
        if not isinstance(verifier, Verifier):
            verifier = ByBound(called("by", by, Bounder, BOUNDERS))
        return verifier(subject, over.at(inputs), spec)
