"""The distribution of an attack's perturbations."""

from dataclasses import dataclass
from math import inf

import polars as pl
import torch

from hauberk.concepts.attack import Attack, misclassified
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise, require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import per_example
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError
from hauberk.ranges import Count
from hauberk.searches.required import require_ball


@dataclass(frozen=True)
class PerturbationHistogram(Study):
    """The distribution over the radius of an attack's changes to single values.

    Against a healthy network the changes of an l_inf attack lie at plus and minus the radius; after catastrophic
    overfitting many lie in between. A value that ends at a limit of the range of valid inputs that is nearer than the
    radius is counted separately, as pinned: it could go no farther.

    Args:
        attack: one that continues after an example is misclassified, e.g. PGD with `stop_when_broken: false`; others
            leave perturbations halfway.
        examples: the number of examples, from the first.
        bins: the number of bins of equal width between minus and plus the radius; odd, so that one is centred on zero.
        seed: seeds the attack's noise.

    Raises:
        InputError: there is no example, or the number of bins is even or less than 3.

    Source: Wong, Rice & Kolter 2020, the histogram of perturbations under catastrophic overfitting.
    """

    attack: Attack
    examples: Count = 200
    bins: Count = 41
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)
        if self.examples < 1 or self.bins < 3 or self.bins % 2 == 0:
            raise InputError(
                "PerturbationHistogram needs an example and an odd number of bins, at least 3, but has "
                f"{self.examples}, {self.bins}."
            )

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        x, y = data.batch(first := slice(0, self.examples))
        S = require_ball(threat.select(first, data.inputs.shape).at(x), "PerturbationHistogram", above=0)
        noise = Noise.of(self.seed, torch.arange(len(x), device=x.device))
        z = self.attack(subject.module, S, y, noise=noise)
        (low, high), reach = S.within or (-inf, inf), per_example(S.radius, z)
        pinned = ((z <= low) & (S.start - low < reach)) | ((z >= high) & (high - S.start < reach))
        share = ((z - S.start) / reach.clamp(min=torch.finfo(z.dtype).tiny)).double()
        place = ((share + 1) / 2 * self.bins).floor().long().clamp(0, self.bins - 1)  # rounding may leave the radius
        counts = {
            name: torch.bincount(place[mask], minlength=self.bins).tolist()
            for name, mask in (("free", ~pinned), ("pinned", pinned))
        }
        edges = [2 * number / self.bins - 1 for number in range(self.bins + 1)]
        table = pl.DataFrame({"low": edges[:-1], "high": edges[1:], **counts})
        withstood = int((~misclassified(subject.module, S, z, y)).sum())
        facts = {"attack": type(self.attack).__name__, "threat": threat.name, "examples": str(len(x))}
        return Findings(table, facts | {"withstood": str(withstood)})
