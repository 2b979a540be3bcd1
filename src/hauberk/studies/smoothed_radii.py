"""Certified radii of a smoothed network, for sets of classes."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.ranges import Count
from hauberk.sampling.certification import Certification
from hauberk.sampling.requirements import require_counts, require_several
from hauberk.sampling.smoothed_network import SmoothedNetwork


@dataclass(frozen=True)
class SmoothedRadii(Study):
    """For each example, the radius within which the vote under noise stays in a set of k classes that holds the label.

    For k = 1 that is the certificate of the label. For larger k it is a statement about the set: more than half of the
    votes fall on one of its classes. The class with most votes may then still be another, as five classes may share
    that half.

    Args:
        certification: the procedure; the sets are picked by its votes of selection.
        top: the sizes k of the sets.
        examples: the number of examples, from the first.
        batch: the number of examples at a time.

    Raises:
        InputError: there is no size, one that is not positive, or no example.

    Source: Campbell, Finlay & Oberman, Adversarial Boot Camp, figures 1 and 2.
    """

    certification: Certification
    top: list[Count]
    examples: Count = 500
    batch: Count = 100

    def __post_init__(self) -> None:
        require_several(top=self.top)
        require_counts(examples=self.examples, batch=self.batch)
        require_counts(**{f"size {number + 1} of top": k for number, k in enumerate(self.top)})
        if not self.top or len(set(self.top)) < len(self.top):
            raise InputError(f"SmoothedRadii needs sizes of sets, each once, but top is {self.top}.")

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        if not isinstance(subject, SmoothedNetwork):
            raise UnsupportedOpError(f"only votes have such radii, but the subject is a {subject.kind}.")
        columns: dict[str, list[Any]] = {"index": [], "label": [], "top": [], "radius": [], "samples": []}
        for first in range(0, min(self.examples, len(data)), self.batch):
            x, y = data.batch(slice(first, min(first + self.batch, self.examples)))
            for k in self.top:
                found = self.certification.answer(subject, x, top=k)
                right = (found.classes == y[:, None]).any(1)
                columns["index"] += range(first, first + len(x))
                columns["label"] += y.tolist()
                columns["top"] += [k] * len(x)
                columns["radius"] += (found.radius * right).tolist()
                columns["samples"] += found.samples.tolist()
        noise, confidence = subject.by.noise, 1 - self.certification.alpha
        facts = {"noise": noise.name, "norm": f"l{noise.p:g}", "confidence": str(confidence)}
        return Findings(pl.DataFrame(columns), facts | {"verifier": self.certification.name})
