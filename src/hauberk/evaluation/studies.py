"""Studies of a network, each a table in a file of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from hauberk.atomic import replacing
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import NOT_APPLICABLE, InputError
from hauberk.evaluation.records import FILE_NAME


def write_studies(
    folder: Path, studies: Mapping[str, Study], subject: AttackableSubject, data: Split, threat: ThreatModel
) -> None:
    """Write the tables that the folder lacks; a study that does not apply here leaves an empty one and its reason."""
    device = next(subject.module.parameters(), data.inputs).device
    data = data.to(device)
    for number, (name, study) in enumerate(studies.items()):
        file = folder / f"{name}.parquet"
        if not file.exists():
            try:
                findings = study(subject, data, threat)
            except NOT_APPLICABLE as error:
                findings = Findings(pl.DataFrame(), {"not_applicable": str(error)})
            facts = {"study": type(study).__name__, "place": str(number), "facts": json.dumps(findings.facts)}
            with replacing(file) as temporary:
                findings.table.write_parquet(temporary, metadata=facts)


def require_names(named: Mapping[str, Any], whose: str) -> None:
    """Raise unless every name of a study or an adversary can name a file.

    Raises:
        InputError: the message quotes the name that cannot.
    """
    for name in named:
        if not FILE_NAME.fullmatch(name):
            raise InputError(
                f"{whose} name becomes a file's: letters, digits, spaces and ,.()+-, but not {name!r:.120}."
            )
