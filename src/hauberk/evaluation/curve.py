"""Settings of a robustness curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.ranges import Checked, Count, NonNegative


@dataclass(frozen=True)
class Curve(Checked):
    """Accuracies at several radii, with attacks and verifiers of its own; proven examples are not attacked.

    Radii are visited from the largest to the smallest, and no question is asked twice, so accuracies never rise with
    the radius: what no attack broke at a larger radius is not attacked at a smaller one and counts as unbroken there;
    what was broken by a point within the smaller radius is broken there (in balls, which have distances); what was
    proven at a larger radius is proven at a smaller one.

    Args:
        radii: multiples of the threat's radius.
        attacks: by their names in the records, cheap ones first.
        verifiers: cheap ones first.
        examples: number of examples, from the first, that the curve is computed on.
    """

    radii: Sequence[NonNegative]
    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier]
    examples: Count = 1000
