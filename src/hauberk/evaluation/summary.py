"""Reported numbers, computed from the records."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier, joined
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.evaluation.accuracies import accuracies, gathered, remarked
from hauberk.evaluation.attack_results import attack_results
from hauberk.evaluation.curve import Curve
from hauberk.evaluation.records import OVERTURNED, read_facts, read_records
from hauberk.sampling.smoothed_network import Smoothing

Summary = dict[str, Any]


def summarised(
    folder: Path,
    threat: ThreatModel,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    verifiers: Sequence[Verifier],
    curve: Curve | None,
    seed: int,
    equal: int | None = None,
) -> Summary:
    """Return counts, shares and exact 95 % intervals of a finished evaluation, and the cost of each part.

    Args:
        folder: holds records and curve.
        threat: the threat.
        attacks: by name.
        verifiers: in order.
        curve: the settings of the curve.
        seed: the seed of the attacks' noise.
        equal: the largest number of inputs whose certificates fail together; None if that is not known.
    """
    records, facts = read_records(folder / "records"), read_facts(folder / "records")
    seconds: Counter[str] = Counter()
    attack_seconds: Counter[str] = Counter()
    refusals, attack_refusals = gathered(facts, "not_applicable"), gathered(facts, "attacks_not_applicable")
    confidence: dict[str, float] = {}
    for fact in facts:
        seconds.update(json.loads(fact["seconds"]))
        attack_seconds.update(json.loads(fact["attack_seconds"]))
        for name, value in json.loads(fact.get("confidence", "{}")).items():
            confidence[name] = min(value, confidence.get(name, 1.0))
    overturned = records.filter(OVERTURNED)
    certified = Counter(records["certified_by"])
    certified -= (wrong := Counter(overturned["certified_by"]))
    refuted = Counter(records["broken_by"])
    names = [verifier.name for verifier in verifiers]
    asked = (curve.attacks, [verifier.name for verifier in curve.verifiers]) if curve else ({}, [])
    points = [(read_records(place), read_facts(place)) for place in (folder / "curve").glob("*")]
    return {
        "threat": threat.name,
        "norm": facts[0].get("norm", ""),  # older files do not name it
        "eps": records["eps"][0],
        "examples": len(records),
        "seed": seed,
        "confidence": 0.95,
        "arithmetic": reduce(joined, (fact["arithmetic"] for fact in facts), ""),
        "seconds": sum(float(part["seconds"].sum()) for part in [records, *(own for own, _ in points)]),
        **accuracies(records, facts, attacks, names, equal),
        "overturned": len(overturned),
        "attacks": attack_results(records, attacks, attack_seconds, attack_refusals, gathered(facts, "attack_remarks")),
        "verifiers": [
            {
                "name": verifier.name,
                "certified": certified[verifier.name],
                "seconds": seconds[verifier.name],
                "not_applicable": refusals.get(verifier.name),
                "confidence": confidence.get(verifier.name, 1.0),
                "overturned": wrong[verifier.name],
                "refuted": refuted[verifier.name],
            }
            for verifier in verifiers
        ],
        "curve": [
            {"eps": own["eps"][0], "examples": len(own), **accuracies(own, said, *asked, equal)}
            for own, said in sorted(points, key=lambda point: point[0]["eps"][0])
        ],
        "curve_attack": ", ".join(asked[0]),
        "curve_remarks": remarked([fact for _, said in points for fact in said]),
    }


def described(smoothing: Smoothing) -> dict[str, Any]:
    """Return what a reader of the summary needs to know about a smoothed network."""
    return {
        "noise": smoothing.noise.name,
        "votes": smoothing.samples,
        "confidence": 1 - smoothing.alpha,
        "attacked": smoothing.attacked,
    }
