"""Certified radii of single examples."""

from dataclasses import dataclass
from typing import cast

import polars as pl
import torch
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.ranges import Count, Positive
from hauberk.searches.largest_radius import LargestRadius


@dataclass(frozen=True)
class CertifiedRadii(Study):
    """For each example, the largest radius found within which its prediction is provably constant; 0 if none.

    The radii of smoothed networks are those of votes: `SmoothedRadii`.

    Args:
        bounder: proves the prediction, right or wrong.
        examples: the number of examples, from the first.
        tolerance: the relative error of a radius.
        cap: the largest radius tried (or the threat's own, if larger).

    Raises:
        InputError: examples is not positive, or the bounder's bounds may fail.

    Source: Wong & Kolter 2018, certificates of predictions (corollary 2).
    """

    bounder: Bounder
    examples: Count = 100
    tolerance: Positive = 1e-4
    cap: Positive = 1.0

    def __post_init__(self) -> None:
        _ = self.search  # raises on a bounder that may fail

    @property
    def search(self) -> LargestRadius:
        """The search for the radii."""
        return LargestRadius(self.bounder, self.tolerance, self.cap)

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        x, y = data.batch(first := slice(0, self.examples))
        threat = threat.select(first, data.inputs.shape)
        with torch.no_grad():
            logits, prediction = subject.module(x), subject.predict(x)
        spec = LinearSpec.margins(prediction.clamp(min=0), logits.shape[1], logits.dtype)
        radius = cast(Tensor, self.search(subject, threat, x, spec).radius).double() * (prediction >= 0)
        columns = {"label": y, "prediction": prediction, "radius": radius}
        table = pl.DataFrame({"index": range(len(x))} | {name: column.tolist() for name, column in columns.items()})
        facts = {"bounder": type(self.bounder).__name__, "threat": threat.name, "cap": f"{self.cap:g}"}
        return Findings(table, facts)
