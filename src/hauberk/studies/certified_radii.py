"""Certified radii of single examples."""

from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError


@dataclass(frozen=True)
class CertifiedRadii(Study):
    """For each example, the largest of several radii within which its prediction is provably constant; 0 if none.

    What a verifier proves need not shrink as the radius grows, so every radius is tried separately: the largest first,
    on all examples, the next on the remaining ones.

    Args:
        verifier: proves the prediction, right or wrong.
        radii: multiples of the threat's radius.
        examples: the number of examples, from the first.

    Raises:
        InputError: there is no radius, one that is not positive, or no example.

    Source: Wong & Kolter 2018, certificates of predictions (corollary 2).
    """

    verifier: Verifier
    radii: list[float]
    examples: int = 100

    def __post_init__(self) -> None:
        if not self.radii or not min(self.radii) > 0 or self.examples < 1:
            raise InputError(
                f"CertifiedRadii needs positive radii and an example, but has {self.radii}, {self.examples}."
            )

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        x, y = data.batch(first := slice(0, self.examples))
        threat = threat.select(first, data.inputs.shape)
        with torch.no_grad():
            logits, prediction = subject.module(x), subject.predict(x)
        spec = LinearSpec.margins(prediction.clamp(min=0), logits.shape[1], logits.dtype)
        found = torch.zeros_like(threat.at(x).radius, dtype=torch.float64)
        left: Tensor = (prediction >= 0).nonzero()[:, 0]
        for factor in sorted(self.radii, reverse=True):
            if not len(left):
                break
            S = threat.scaled(factor).at(x).select(left)
            verified = self.verifier(subject, S, spec.select(left)).verified
            found[left[verified]] = S.radius[verified].double()
            left = left[~verified]
        columns = {"index": list(range(len(x))), "label": y, "prediction": prediction, "radius": found}
        table = pl.DataFrame({k: v.tolist() if isinstance(v, Tensor) else v for k, v in columns.items()})
        facts = {"verifier": self.verifier.name, "threat": threat.name, "radii": str(len(set(self.radii)))}
        return Findings(table, facts)
