"""A run in the form in which RobustBench describes a model."""

import json
import math
from collections.abc import Sequence
from typing import Any

from hauberk.errors import InputError
from hauberk.reports.accuracies import Share
from hauberk.reports.recipe_keys import as_number
from hauberk.reports.run_files import Run
from hauberk.reports.summary import AttackResult


def model_info(runs: Sequence[Run]) -> str:
    """Return the description of one model, with null for what the run's files do not tell: fill that in by hand.

    Raises:
        InputError: there are several runs or evaluations: RobustBench has a file for each.
    """
    if len(runs) != 1:
        folders = ", ".join(str(run.folder if run.evaluation else run.folder / "evaluation") for run in runs)
        raise InputError(f"RobustBench has a file for each model, but here are {len(runs)}: pass one of {folders}.")
    return json.dumps(described(runs[0]), indent=2) + "\n"


def described(run: Run) -> dict[str, Any]:
    """Return the description of a run: RobustBench's keys, and two more."""
    summary, about = run.summary, run.about
    return {
        "link": None,
        "name": None,
        "authors": None,
        "additional_data": None,
        "number_forward_passes": summary.smoothing.votes if summary.smoothing else 1,
        "dataset": about.dataset.lower().replace("-", ""),
        "venue": None,
        "architecture": about.network.rpartition(".")[2],
        "eps": radius(run),
        "clean_acc": accuracy(summary.clean),
        "reported": None,
        "autoattack_acc": accuracy(left_by_autoattack(run)),
        "footnote": footnote(run),
        "unreliable": None,
        "attacked_acc": accuracy(summary.share("attacked")),
        "certified_acc": accuracy(summary.share("certified")),
    }


def accuracy(share: Share | None) -> str | None:
    """Return a share in percent, as RobustBench writes it."""
    return f"{share.share * 100:.2f}" if share else None


def radius(run: Run) -> str:
    """Return the radius as the recipe has it, say 8/255; as a number where that is not the evaluation's."""
    given = run.keys.get("threat.eps")
    number = as_number(given)
    same = isinstance(number, float) and math.isclose(number, run.summary.eps, rel_tol=1e-6)
    return str(given) if same else f"{run.summary.eps:g}"


def left_by_autoattack(run: Run) -> Share | None:
    """Return the accuracy that the standard AutoAttack leaves by itself; None if that is not known."""
    summary = run.summary
    for attack in summary.attackers:
        if is_autoattack(run, attack) and not attack.remarks:
            only = len(summary.attackers) == 1 and not summary.refuted
            return attack.alone or (summary.attacked if only else None)
    return None


def is_autoattack(run: Run, attack: AttackResult) -> bool:
    """Return whether the recipe gives an attack on every example as the standard AutoAttack."""
    key = f"evaluator.attacks.{attack.name}"
    kind, version = run.keys.get(f"{key}.class") or run.keys.get(key), run.keys.get(f"{key}.version", "standard")
    return str(kind).removeprefix("hauberk.") == "presets.AutoAttack" and version == "standard"


def footnote(run: Run) -> str:
    """Return what the accuracies are about."""
    summary = run.summary
    attacks = ", ".join(attack.name for attack in summary.attackers) or "nothing"
    provers = ", ".join(verifier.name for verifier in summary.provers) or "nothing"
    return (
        f"Hauberk {run.about.hauberk}: {summary.threat}, {summary.examples} test {run.about.inputs}, "
        f"subject {summary.who}; attacked by {attacks}; certified by {provers}."
    )
