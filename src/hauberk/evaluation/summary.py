"""Reported numbers, computed from the records."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import polars as pl

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier, joined
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.evaluation.attack_results import attack_results
from hauberk.evaluation.records import outcomes, read_records
from hauberk.evaluation.statistics import share

Summary = dict[str, Any]


def summarised(
    folder: Path,
    threat: ThreatModel,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    verifiers: Sequence[Verifier],
    curve_attacks: Mapping[str, Attack | MinimumDistanceAttack],
    seed: int,
) -> Summary:
    """Return counts, shares and exact 95 % intervals of a finished evaluation, and the cost of each part."""
    records = read_records(folder / "records")
    facts = [pl.read_parquet_metadata(shard) for shard in sorted((folder / "records").glob("*.parquet"))]
    seconds: Counter[str] = Counter()
    attack_seconds: Counter[str] = Counter()
    refusals: dict[str, str] = {}
    attack_refusals: dict[str, str] = {}
    confidence: dict[str, float] = {}
    for fact in facts:
        seconds.update(json.loads(fact["seconds"]))
        attack_seconds.update(json.loads(fact["attack_seconds"]))
        attack_refusals |= json.loads(fact["attacks_not_applicable"])
        refusals |= json.loads(fact["not_applicable"])
        for name, value in json.loads(fact.get("confidence", "{}")).items():
            confidence[name] = min(value, confidence.get(name, 1.0))
    overturned = records.filter(records["broken_by"].is_not_null() & records["certified_by"].is_not_null())
    certified = Counter(records["certified_by"])
    certified -= (wrong := Counter(overturned["certified_by"]))
    refuted = Counter(records["broken_by"])
    curve = [read_records(place) for place in (folder / "curve").glob("*")]
    return {
        "subject": "network",
        "threat": threat.name,
        "eps": records["eps"][0],
        "examples": len(records),
        "seed": seed,
        "confidence": 0.95,
        "arithmetic": reduce(joined, (fact["arithmetic"] for fact in facts), ""),
        "seconds": sum(float(points["seconds"].sum()) for points in [records, *curve]),
        **accuracies(records),
        "attacks": attack_results(records, attacks, attack_seconds, attack_refusals),
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
            {"eps": points["eps"][0], "examples": len(points), **accuracies(points)}
            for points in sorted(curve, key=lambda points: points["eps"][0])
        ],
        "curve_attack": ", ".join(curve_attacks),
    }


def accuracies(records: pl.DataFrame) -> dict[str, dict[str, float | int]]:
    """Return clean, attacked and certified accuracy."""
    return {name: share(int(mask.sum()), len(records)) for name, mask in outcomes(records).items()}
