"""A classifier that says how far its answers are proven, and flags those that are not proven."""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk import accepted
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import AttackableSubject, NetworkSubject, Subject
from hauberk.errors import InputError, ShapeError
from hauberk.kernels.full_precision import full_precision
from hauberk.propagation.prediction import answers
from hauberk.verification import ByBound, Detection, LargestRadius, detect


@dataclass(frozen=True)
class GuardedAnswer:
    """The answers of a guarded classifier for a batch of inputs.

    Args:
        label: the subject's label, -1 where it abstains, as a network does whose logits are not finite.
        flagged: True where another label could not be excluded within the threat: the input may have been perturbed.
        radius: within it, in units of the input, the label is proven to be constant; 0 where nothing is proven.
        confidence: the probability with which an answer's proof is right; 1 if certain.
    """

    label: Int[Tensor, "b"]
    flagged: Bool[Tensor, "b"]
    radius: Float[Tensor, "b"]
    confidence: Float[Tensor, "b"]


class GuardedClassifier(Subject):
    """A network that vouches for its answers: every input is bounded, and flagged if the label may change.

    No perturbation that changes the label passes unnoticed, if the threat is symmetric, as balls in a norm are: if x
    lies within eps of x* and the network labels them differently, x is flagged (see `verification.detect`); a smoothed
    network's labels are those that lead in truth, which votes miss with a probability of their alpha. A network is
    captured once, on the example, and its live parameters are read at every call, in eval mode whatever the module's
    own mode.

    Args:
        module: the network, from inputs to logits, or a subject made of networks, such as a smoothed one.
        threat: what answers are guarded against.
        bounder: proves them, as a bounder or a verifier does; what it cannot prove is flagged.
        example: a batch of typical inputs, guarded at construction, so that whatever is unsupported raises there.

    Raises:
        UnsupportedOpError: the network cannot be captured, or the bounder has no rule for one of its operators.
        UnsupportedSetError: nothing can be proven over the threat's sets.
        InputError: the example is outside the threat's range.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import BackwardLinear
        >>> from hauberk.guarded_classifier import GuardedClassifier
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Linear(2, 2, bias=False)
        >>> network.weight.data = torch.eye(2)
        >>> guard = GuardedClassifier(network, LinfBall(0.1), BackwardLinear(), example=torch.rand(1, 2))
        >>> x = torch.tensor([[0.9, 0.2], [0.5, 0.4]])
        >>> guard(x).flagged.tolist()
        [False, True]
        >>> guard.predict(x).tolist()
        [0, -1]
        >>> [round(radius, 3) for radius in guard(x, largest=True).radius.tolist()]
        [0.35, 0.05]
    """

    @property
    def kind(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"guarded {self.subject.kind}"

    def __init__(
        self,
        module: nn.Module | AttackableSubject,
        threat: ThreatModel,
        bounder: Bounder | Verifier,
        example: Float[Tensor, "b *x"],
    ) -> None:
        example = accepted.inputs(example)
        self.threat, self.bounder = threat, bounder
        self.shape, self.dtype = example.shape[1:], example.dtype
        self.subject = module if isinstance(module, AttackableSubject) else captured(module, example)
        self.verifier = ByBound(bounder) if isinstance(bounder, Bounder) else bounder
        self(example)

    @full_precision()
    def __call__(self, x: Float[Tensor, "b *x"], *, largest: bool = False) -> GuardedAnswer:
        """Return labels, flags and certified radii: the threat's own or, on request, the largest found.

        Raises:
            ShapeError: x has another shape or element type than the example.
            InputError: x has NaN or values outside the threat's range, or the largest radius is asked for at radius 0.
        """
        x = accepted.inputs(x)
        if x.shape[1:] != self.shape or x.dtype != self.dtype:
            raise ShapeError(
                f"inputs must be batches of {tuple(self.shape)} in {self.dtype}, as the example was, but this one has "
                f"shape {tuple(x.shape)} in {x.dtype}."
            )
        accepted.require_alike(self.subject.module, x)
        S = self.threat.at(x)
        found = detect(self.subject, S, self.verifier)
        if not torch.equal(S.decode(S.start), x):
            found = found.of(answers(self.subject, x))
        radius, certificate = S.radius * ~found.flagged, found.certificate
        if largest:
            reach = self.reach(x, found) if certificate.radius is None else certificate.radius
            radius = torch.maximum(radius, reach * (found.label >= 0))
        return GuardedAnswer(found.label, found.flagged, radius, certificate.confidence)

    def reach(self, x: Float[Tensor, "b *x"], found: Detection) -> Float[Tensor, "b"]:
        """Return the largest radii that a search by the bounder proves.

        Raises:
            InputError: there is no bounder, but a verifier that knows no largest radius.
        """
        if not isinstance(self.bounder, Bounder):
            raise InputError(
                f"the verifier {self.verifier.name} says nothing about radii beyond {self.threat.name}: guard "
                "a network by a bounder, a smoothed one against balls in the norm of its noise."
            )
        spec = LinearSpec.margins(found.label.clamp(min=0), self.subject.graph.classes, x.dtype)
        return cast(Tensor, LargestRadius(self.bounder)(self.subject, self.threat, x, spec).radius)

    @full_precision()
    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        """Return the labels, with -1 for flagged inputs."""
        answer = self(x)
        return torch.where(answer.flagged, -1, answer.label)


def captured(module: nn.Module, example: Float[Tensor, "b *x"]) -> NetworkSubject:
    """Return a network with its graph."""
    accepted.classes(module, example)
    graph = capture(module, example)
    return NetworkSubject(graph.module, graph)
