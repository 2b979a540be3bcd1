"""Variants of a recipe, named in what is watched and in what goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hauberk.evaluation.sweep import Watcher as EvaluationWatcher
from hauberk.training.journal import Watcher as TrainingWatcher


def variant_name(run: Path, folder: Path) -> str:
    """Return the name of the variant that a run is of the run in `folder`; no text for that run itself."""
    return "" if run == folder else run.name


@contextmanager
def about(variant: str) -> Iterator[None]:
    """Add to errors in the block which variant they are about."""
    try:
        yield
    except Exception as error:
        if variant:
            error.add_note(f"variant {variant}")
        raise


def named_training(watch: TrainingWatcher, variant: str) -> TrainingWatcher:
    """Return a watcher of a variant's training, which adds its name to records."""
    return lambda record: watch({**record, "variant": variant}) if variant else watch(record)


def named_evaluation(watch: EvaluationWatcher, variant: str) -> EvaluationWatcher:
    """Return a watcher of a variant's evaluation, which puts its name before what is being evaluated."""
    return lambda stage, done, total: watch(f"{variant}, {stage}" if variant else stage, done, total)
