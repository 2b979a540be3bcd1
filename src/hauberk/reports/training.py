"""The journal of a training run, as reports read it."""

import json
from dataclasses import dataclass
from pathlib import Path

from hauberk.errors import InputError
from hauberk.reports.epoch_errors import EpochErrors, epoch_errors
from hauberk.reports.typed_json import parse, read_text


@dataclass(frozen=True)
class Row:
    """A line of the journal: averages since the last line of its kind.

    Args:
        kind: "step" or "epoch".
        epoch: number of epochs done.
        step: number of steps done.
        loss: mean loss.
        clean: clean accuracy on training batches.
        robust: the share that withstood the objective's own attack or is certified by its own bound; None for neither.
        radius: the radius, as a share of the threat's.
        learning_rate: the learning rate at this step.
        seconds: seconds since training began.
        validation_clean: clean accuracy on held-out examples.
        validation_robust: robust accuracy on held-out examples.
        detector_robust: the share of one training batch that withstood the detector of catastrophic overfitting.
        collapsed: True if the detector ended training here; None without a detector.
        cpu_seconds: processor time since training began, all threads together.
        test_clean: clean accuracy on test examples.
        test_robust: the share of test examples that withstood the attack `test_judge`.
    """

    kind: str
    epoch: float
    step: int
    loss: float | None
    clean: float | None
    robust: float | None
    radius: float | None
    learning_rate: float | None
    seconds: float
    validation_clean: float | None = None
    validation_robust: float | None = None
    detector_robust: float | None = None
    collapsed: bool | None = None
    cpu_seconds: float | None = None
    test_clean: float | None = None
    test_robust: float | None = None

    @property
    def score(self) -> float | None:
        """The accuracy that the best epoch is chosen by."""
        return self.validation_clean if self.validation_robust is None else self.validation_robust


@dataclass(frozen=True)
class Training:
    """The lines of train.jsonl.

    Args:
        steps: lines written every few steps.
        epochs: lines written at the end of each epoch.
    """

    steps: list[Row]
    epochs: list[Row]

    @property
    def rows(self) -> list[Row]:
        """The finest record there is: a short run may end before its first line of steps."""
        return self.steps or self.epochs

    @property
    def last(self) -> Row:
        """The newest line."""
        return max([*self.steps, *self.epochs], key=lambda row: row.step)

    @property
    def final(self) -> Row | None:
        """The epoch that training ended with: before a collapse, if there was one."""
        return next((row for row in reversed(self.epochs) if not row.collapsed), None)

    @property
    def best(self) -> Row | None:
        """The first of the epochs that did best on held-out examples; None if nothing was held out.

        An epoch with a robust accuracy there is better than any without.
        """
        scored = [row for row in self.epochs if row.score is not None and not row.collapsed]
        return max(scored, key=lambda row: (row.validation_robust is not None, row.score), default=None)

    @property
    def watched(self) -> bool:
        """True if there was a detector of catastrophic overfitting."""
        return any(row.collapsed is not None for row in self.epochs)

    @property
    def collapse(self) -> Row | None:
        """The epoch at whose end a collapse was noticed."""
        return next((row for row in self.epochs if row.collapsed), None)

    @property
    def fall(self) -> tuple[float, float] | None:
        """The detector's accuracies before and at the collapse; None if there was none."""
        before, now = (row.detector_robust if row else None for row in (self.final, self.collapse))
        return None if before is None or now is None else (before, now)

    @property
    def tested(self) -> tuple[Row, list[EpochErrors]] | None:
        """The epoch with the least robust error on test examples, and the errors; None if nothing attacked these."""
        rows = [row for row in self.epochs if row.test_robust is not None and not row.collapsed]
        if not rows:
            return None
        best, errors = epoch_errors([row.test_clean or 0.0 for row in rows], [row.test_robust or 0.0 for row in rows])
        return rows[best], errors

    def marks(self, keeps_best: bool) -> dict[float, str]:
        """Return the epochs worth a mark, with their names."""
        kept = self.best if keeps_best else self.final
        names = [("kept", kept), ("best", self.best), ("final", self.final), ("collapse", self.collapse)]
        found: dict[float, list[str]] = {}
        for name, row in names:
            if row is not None:
                found.setdefault(row.epoch, []).append(name)
        return {epoch: ", ".join(words) for epoch, words in found.items()}


def read_training(path: Path) -> Training | None:
    """Return the journal of a training run, or None if there is no file or no line.

    Raises:
        InputError: a line is corrupt; the message names the file and the line.
    """
    if not path.exists():
        return None
    remedy = "delete the line, or train again."
    lines = [line for line in enumerate(read_text(path, remedy).splitlines(), start=1) if line[1].strip()]
    rows = [parse(text, Row, f"{path}, line {number},", remedy) for number, text in lines]
    for (number, _), row in zip(lines, rows, strict=True):
        if row.kind not in ("step", "epoch"):
            raise InputError(f"{path}, line {number}: kind must be step or epoch, not {json.dumps(row.kind)}: {remedy}")
    if not rows:
        return None
    return Training([row for row in rows if row.kind == "step"], [row for row in rows if row.kind == "epoch"])
