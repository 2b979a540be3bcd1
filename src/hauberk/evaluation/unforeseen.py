"""One network against many adversaries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from hauberk.concepts.dataset import Split
from hauberk.evaluation.accuracies import accuracies, remarked
from hauberk.evaluation.adversary import Adversary
from hauberk.evaluation.illustrations import illustrate
from hauberk.evaluation.isolation import reseed
from hauberk.evaluation.records import RIGHT, outcomes, read_facts, read_records
from hauberk.evaluation.statistics import share
from hauberk.evaluation.sweep import Suite, Sweep


def face(
    sweep: Sweep, data: Split, folder: Path, adversaries: Mapping[str, Adversary], shown: int
) -> dict[str, Any] | None:
    """Let each adversary attack every example, and return what their records say; None without adversaries.

    Each has a folder of its own, with records and with its answers to the same few examples.

    Args:
        sweep: the network, and how to go through the examples.
        data: the examples.
        folder: the folder of their folders; the records of the evaluation's own threat lie beside it.
        adversaries: by name.
        shown: the number of examples to keep.
    """
    if not adversaries:
        return None
    own = read_records(folder.parent / "records")
    chosen = torch.from_numpy(np.flatnonzero(own.select(RIGHT).to_series().to_numpy())[:shown].copy())
    rows = []
    for name, adversary in adversaries.items():
        place = folder / name
        suite = Suite(adversary.attacks, adversary.verifiers)
        sweep.one(data, adversary.threat, place / "records", suite)
        illustrate(place, sweep.subject, data, adversary.threat, adversary.attacks, chosen, sweep.seed, sweep.shard)
        rows.append({"name": name, "rest": resting(sweep, data, adversary)} | result(place, adversary))
    applied = [row["name"] for row in rows if row["attacked"] is not None]
    return {"adversaries": rows} | together(own, [read_records(folder / name / "records") for name in applied])


def result(place: Path, adversary: Adversary) -> dict[str, Any]:
    """Return the accuracies under one adversary, and what they cost."""
    records, facts = read_records(place / "records"), read_facts(place / "records")
    return {
        "threat": adversary.threat.name,
        "eps": records["eps"][0],
        "examples": len(records),
        "attacks": list(adversary.attacks),
        "seconds": float(records["seconds"].sum()),
        "remarks": remarked(facts),
        **accuracies(records, facts, adversary.attacks, [verifier.name for verifier in adversary.verifiers]),
    }


def resting(sweep: Sweep, data: Split, adversary: Adversary) -> dict[str, float | int]:
    """Return the accuracy on what the threat's unperturbed points decode to: not the inputs for every threat."""
    right, device = 0, next(sweep.subject.module.parameters(), data.labels).device
    for index in torch.arange(len(data)).split(sweep.shard):
        x, y = data.batch(index)
        S = adversary.threat.select(index, data.inputs.shape).at(x.to(device))
        reseed(device, sweep.seed, int(index[0]), "rest")
        with torch.no_grad():
            right += int((sweep.subject.predict(S.decode(S.start)) == y.to(device)).sum())
    return share(right, len(data))


def together(own: pl.DataFrame, others: list[pl.DataFrame]) -> dict[str, Any]:
    """Return the accuracy under all adversaries at once, the worst case of each example, and the mean of their own.

    Both are None without an adversary that attacked.

    Args:
        own: the records of the evaluation's own threat, which counts in the worst case alone.
        others: the records of each adversary that attacked.
    """
    if not others:
        return {"worst": None, "mean": None}
    survived = np.stack([outcomes(part)["attacked"].to_numpy() for part in (own, *others)])
    worst = int(survived.all(0).sum())
    return {"worst": share(worst, survived.shape[1]), "mean": float(survived[1:].mean())}
