"""Certificates of votes under noise."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from math import inf, nextafter
from numbers import Integral

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from hauberk.accepted import inputs
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.rounding import rounded_down
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject
from hauberk.errors import ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.propagation.prediction import classes_of
from hauberk.sampling.smoothed_network import SELECTION, SmoothedNetwork


@dataclass(frozen=True)
class SmoothedAnswer:
    """The certified answers of a smoothed network for a batch of inputs.

    Args:
        label: the labels, -1 where the vote proves none: always, if more classes than one were asked for.
        classes: the classes that the certificate speaks of: the label alone or, if asked, the first k of the selection.
        share: a lower bound of the probability that the network, under noise, gives one of those classes.
        radius: within it, in the noise's norm and units of the input, that probability exceeds 1/2; 0 for none.
        samples: the votes that were drawn to bound the share.
        hits: those of them for one of the classes.
        confidence: the probability, for each input, that share and radius are right.
    """

    label: Int[Tensor, "b"]
    classes: Int[Tensor, "b k"]
    share: Float64[Tensor, "b"]
    radius: Float64[Tensor, "b"]
    samples: Int[Tensor, "b"]
    hits: Int[Tensor, "b"]
    confidence: float


class Certification(Verifier):
    """A procedure that picks the likely classes by a few votes and bounds their probability by fresh ones.

    Args:
        selection: the number of votes that pick the classes.
        alpha: the probability, for each input, with which its certificate may be wrong.
        name: the verifier's name in records.
    """

    selection: int
    alpha: float
    name: str

    def covers(self, graph: FrozenGraph) -> bool:
        return False  # it speaks of votes, not of a network

    @abstractmethod
    def bounded(
        self,
        subject: SmoothedNetwork,
        x: Float[Tensor, "b *x"],
        classes: Int[Tensor, "b k"],
        wanted: Float64[Tensor, "b r"],
    ) -> tuple[Float64[Tensor, "b"], Int[Tensor, "b"], Int[Tensor, "b"]]:
        """Return lower bounds of the shares of these classes, the votes drawn, and those for the classes.

        Args:
            subject: the smoothed network.
            x: the inputs.
            classes: the classes, picked without looking at the votes to come.
            wanted: the shares that are of interest.
        """

    def answer(
        self,
        subject: SmoothedNetwork,
        x: Float[Tensor, "b *x"],
        radii: Float[Tensor, "b r"] | None = None,
        top: int = 1,
    ) -> SmoothedAnswer:
        """Return certified answers.

        For `top` above 1 the certificate is a statement about a set of classes: within the radius the network, under
        noise, most often gives one of them. It does not say that the most likely class is among them.

        Args:
            subject: the smoothed network.
            x: the inputs.
            radii: those of interest, which a procedure may stop at.
            top: the number of classes per input.

        Raises:
            ShapeError: there are fewer classes than `top`.
        """
        x = inputs(x)
        votes = subject.votes(x, SELECTION, self.selection)
        if isinstance(top, bool) or not isinstance(top, Integral) or not 1 <= top <= votes.shape[1]:
            raise ShapeError(f"top is a number of classes, from 1 to {votes.shape[1]}, but is {top}.")
        classes = votes.topk(top, 1).indices
        asked = x.new_empty(len(x), 0) if radii is None else radii
        share, samples, hits = self.bounded(subject, x, classes, subject.by.noise.share(asked.double()))
        label = torch.where((share > 0.5) & (top == 1), classes[:, 0], -1)
        radius = torch.where(share > 0.5, subject.by.noise.radius(share), 0)
        confidence = min(1 - self.alpha, nextafter(1, 0))  # 1 stands for certainty
        return SmoothedAnswer(label, classes, share, radius, samples, hits, confidence)

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        """Return the certificate of a label; `lower` bounds what it is ahead of all others in probability, on the set.

        Raises:
            UnsupportedOpError: the subject is not a smoothed network.
            UnsupportedSetError: the set is not a ball in a norm.
            ShapeError: the specification is not one of each example.
            InputError: the specification is not that of a label.
        """
        if not isinstance(subject, SmoothedNetwork):
            raise UnsupportedOpError(f"votes under noise speak of a smoothed network, not of a {subject.kind}.")
        noise, distance = subject.by.noise, reach(S, subject.by.noise.p)
        spec.require_fit(len(S.start), classes_of(subject, S))
        label = spec.labels()
        found = self.answer(subject, S.start, distance[:, None])
        shares = noise.share(found.radius - distance)
        ahead = torch.where((found.label == label) & (found.radius > distance), 2 * shares - 1, -inf)
        lower = rounded_down(ahead, S.start.dtype)[:, None].expand(*spec.offset.shape)
        means = f"{noise.name}, of which floating-point numbers are samples"
        certificate = Certificate.from_lower(lower.clone(), subject.kind, means, found.confidence)
        if not (isinstance(S, NormBall) and S.p == noise.p):
            return certificate
        radius = torch.where(found.label == label, found.radius, 0)
        return replace(certificate, radius=rounded_down(radius, S.start.dtype))


def reach(S: PerturbationSet, p: float) -> Float64[Tensor, "b"]:
    """Return the radii of the balls in the p-norm, p = 1 or 2, that hold the sets, a little too large.

    Raises:
        UnsupportedSetError: a set is not a ball in a norm.
    """
    if not isinstance(S, NormBall):
        raise UnsupportedSetError(f"noise certifies balls in a norm, but {type(S).__name__} is none.")
    if S.p == 0:
        raise UnsupportedSetError("noise certifies distances, but an l_0 ball limits no coordinate.")
    if S.is_box:
        box, start = S.bounding_box(), S.start.double()
        return torch.maximum(box.upper - start, start - box.lower).flatten(1).norm(p, 1) * (1 + 1e-12)
    coordinates = S.start.shape[1:].numel()
    return S.radius.double() * max(1.0, coordinates ** (1 / p - 1 / S.p)) * (1 + 1e-12)
