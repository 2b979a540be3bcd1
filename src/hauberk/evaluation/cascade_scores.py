"""Errors of a cascade by both rules, and of its first stage alone: one record per example, and their summary."""

import json
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from hauberk import accepted
from hauberk.atomic import write_text
from hauberk.concepts.certificate import Verifier, joined
from hauberk.concepts.dataset import Examples, Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.evaluation.input_checks import require_examples, require_inputs
from hauberk.evaluation.sharded import sharded
from hauberk.evaluation.statistics import share
from hauberk.evaluation.summary import Summary
from hauberk.evaluation.sweep import Watcher
from hauberk.propagation.prediction import Answering, classes_of, predicted
from hauberk.verification import ModelCascade
from hauberk.verification.cascade import require_symmetric

ALONE, AGREEING, FREE = "stage 1 alone", "cascade, stages must agree", "cascade without agreement"
RULES = {ALONE: "cascade", AGREEING: "cascade", FREE: "cascade without agreement"}
"""The rules that errors are counted by, and the kind of subject of each: the first stage alone is a cascade of one."""


def evaluate_cascade(
    stages: Sequence[Answering],
    threat: ThreatModel,
    verifier: Verifier,
    data: Examples,
    folder: Path | str,
    size: int,
    watch: Watcher = lambda stage, done, total: None,
) -> Summary:
    """Judge a cascade with and without agreement, write records and summary to `folder`, and return the summary.

    A record has the predictions of all stages, the first stage that certifies its own (from 1, null where none does),
    and for each rule two labels: `certified: ...`, -1 where it abstains, and `standard: ...`, by which the standard
    error is counted. A folder that holds shards of the same evaluation is completed, `size` examples per shard.

    Raises:
        InputError: the folder holds another evaluation, the split is empty, an input is NaN or out of range, a label
            does not fit, or there is no stage.
        UnsupportedOpError, UnsupportedSetError: the verifier raises it, or sets are not symmetric.
    """
    data, folder = Split.of(data), accepted.folder_at(folder)
    cascade = ModelCascade(stages, threat, verifier, agreement=False)
    require_examples(data)
    require_inputs(data, threat, size)
    one = torch.tensor([0])
    first = cascade.selected(one, data.inputs.shape).threat.at(on_device(cascade, data.batch(one)[0]))
    require_symmetric(first, threat)
    accepted.labels(data.labels, len(data), classes_of(stages[0], first))
    plan = {
        "stages": [stage.module if isinstance(stage, Graph) else stage for stage in stages],
        "threat": threat,
        "verifier": verifier,
    }
    records = sharded(
        folder,
        plan,
        data,
        torch.arange(len(data)),
        size,
        lambda x, some: columns(cascade.selected(some, data.inputs.shape), x),
        lambda done, total: watch(threat.name, done, total),
    )
    summary = {
        "threat": threat.name,
        "examples": len(records),
        "stages": len(stages),
        "confidence": 0.95,
        "certificate_confidence": records["confidence"].min(),
        "arithmetic": reduce(joined, records["arithmetic"].unique(maintain_order=True), ""),
        "seconds": records["seconds"].sum(),
        "rules": [errors(records, rule, len(stages)) for rule in RULES],
    }
    write_text(folder / "summary.json", json.dumps(summary, indent=1))
    return summary


def columns(cascade: ModelCascade, x: Tensor) -> dict[str, Any]:
    """Return the records' columns for a batch, by all rules.

    One pass serves all rules, since none of them changes which stage is the first to certify its own prediction.
    """
    x = on_device(cascade, x)
    S = cascade.threat.at(x)
    said = torch.stack([predicted(stage, S) for stage in cascade.stages], 1)
    answer = cascade.answer(x)
    so_far = (said == said[:, :1]).cumprod(1).bool()  # whether all stages up to this one agree with the first
    agreed = so_far.gather(1, answer.stage.clamp(min=0)[:, None])[:, 0]
    certified = {
        ALONE: torch.where(answer.stage == 0, answer.label, -1),
        AGREEING: torch.where(agreed, answer.label, -1),
        FREE: answer.label,
    }
    doubts = torch.tensor(cascade.doubts, dtype=torch.float64, device=x.device)
    last = {ALONE: said[:, 0], AGREEING: said[:, -1], FREE: said[:, -1]}
    standard = {rule: torch.where(label >= 0, label, last[rule]) for rule, label in certified.items()}
    return {
        "predictions": said.tolist(),
        "stage": pl.Series([number + 1 if number >= 0 else None for number in answer.stage.tolist()], dtype=pl.Int64),
        **{f"certified: {rule}": label.tolist() for rule, label in certified.items()},
        **{f"standard: {rule}": label.tolist() for rule, label in standard.items()},
        "confidence": (answer.certificate.confidence - doubts[answer.stage.clamp(min=0)]).tolist(),
        "arithmetic": [answer.certificate.arithmetic] * len(x),
    }


def on_device(cascade: ModelCascade, x: Tensor) -> Tensor:
    """Return inputs on the device of the stages."""
    return x.to(next(cascade.stages[0].module.parameters(), x).device)


def errors(records: pl.DataFrame, rule: str, stages: int) -> dict[str, Any]:
    """Return the errors by one rule, how often it abstains, and what each stage certifies, with exact intervals.

    An example is a robust error unless it is certified with the right label; where the rule abstains, the standard
    error is that of the last stage.
    """
    certified, n = records[f"certified: {rule}"], len(records)
    right = certified == records["label"]
    by = [(certified >= 0) & (records["stage"] == stage).fill_null(False) for stage in range(1, stages + 1)]
    return {
        "rule": rule,
        "subject": RULES[rule],
        "standard_error": share(int((records[f"standard: {rule}"] != records["label"]).sum()), n),
        "robust_error": share(int((~right).sum()), n),
        "abstained": share(int((certified < 0).sum()), n),
        "by_stage": [
            {"certified": share(int(mask.sum()), n), "certified_rightly": share(int((mask & right).sum()), n)}
            for mask in by
        ],
    }
