"""The files of a run, read into one value."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from hauberk.errors import InputError
from hauberk.evaluation.records import SCHEMA, read_records
from hauberk.reports.evaluation_folders import Evaluation, evaluations, require_run
from hauberk.reports.examples import Examples, read_examples
from hauberk.reports.judged_inputs import judged_inputs
from hauberk.reports.recipe_keys import recipe_keys
from hauberk.reports.study_files import StudyFile, read_studies
from hauberk.reports.summary import Summary
from hauberk.reports.training import Training, read_training
from hauberk.reports.typed_json import parse, parse_list, read_text
from hauberk.reports.unforeseen import Faces, read_faces
from hauberk.reports.used_keys import other_data, used_keys


@dataclass(frozen=True)
class About:
    """The content of run.json: the network, the task, and the platform.

    Args:
        hauberk: version of Hauberk.
        torch: version of torch.
        python: version of Python.
        platform: operating system and processor.
        threads: number of torch's threads.
        seed: seed of training.
        dataset: name of the data.
        network: the network's class.
        parameters: number of the network's parameters.
        threat: name of the evaluation's threat.
        started: date and time, in ISO format.
        weights_sha256: checksum of the weights' file; None before training has finished.
        inputs: what examples are called.
        classes: the names of the classes, in label order; none in files of earlier releases.
        recipe: the name of its recipe; empty in files of earlier releases.
    """

    hauberk: str
    torch: str
    python: str
    platform: str
    threads: int
    seed: int
    dataset: str
    network: str
    parameters: int
    threat: str
    started: str
    weights_sha256: str | None = None
    inputs: str = "images"
    classes: list[str] = field(default_factory=list)
    recipe: str = ""


@dataclass(frozen=True)
class Layer:
    """Mean shares of a layer's neurons that are always active, always inactive, or undecided over the set.

    Args:
        name: the layer's name.
        neurons: their number.
        active: the share of those always active.
        inactive: the share of those always inactive.
        unstable: the share of those undecided.
    """

    name: str
    neurons: int
    active: float
    inactive: float
    unstable: float


@dataclass(frozen=True)
class Run:
    """Everything that a report can show about a run and one of its evaluations; whatever is None or empty is left out.

    Args:
        folder: the run's folder; that of the evaluation, if it has a name.
        recipe: the text of recipe.yaml, verbatim.
        about: the content of run.json; its data set is the evaluation's, if that names another.
        summary: the content of the evaluation's summary.json.
        records: one row per example.
        training: the journal.
        layers: the states of the neurons.
        examples: a few examples with their adversarial versions.
        studies: the tables of studies.
        keys: the values of the recipes by their paths: of training, and of judging in this evaluation.
        faces: a few examples under each of these, by their names.
        evaluation: the evaluation's name; empty for the run's own.
        judged_by: the text of the recipe that the evaluation used, verbatim.
        inputs: what identifies the inputs that were judged; None if it is not known.
    """

    folder: Path
    recipe: str
    about: About
    summary: Summary
    records: pl.DataFrame
    training: Training | None
    layers: list[Layer]
    examples: Examples | None
    studies: list[StudyFile] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    faces: Faces = field(default_factory=list)
    evaluation: str = ""
    judged_by: str = ""
    inputs: str | None = None

    @property
    def home(self) -> Path:
        """The folder of the run itself, which its evaluations share."""
        return self.folder.parent.parent if self.evaluation else self.folder

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.home.resolve().name

    @property
    def keeps_best(self) -> bool:
        """True if training was meant to end with its best weights rather than the final ones."""
        return self.keys.get("trainer.keep") == "best"

    @property
    def judge(self) -> str:
        """The kind of attack that judged held-out examples in training; empty if the objective itself did."""
        return self.kind_at("trainer.judge")

    @property
    def test_judge(self) -> str:
        """The kind of attack that test examples were under after each epoch; empty if none was."""
        return self.kind_at("trainer.test_judge")

    def kind_at(self, key: str) -> str:
        """Return the name of the class that the recipe gives at a key; empty if it gives none."""
        given = self.keys.get(f"{key}.class") or self.keys.get(key) or ""
        return str(given).rpartition(".")[2]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Return runs with each of their evaluations; a folder of one stands for it alone. Raises as `read_run` does."""
    found = {evaluation: None for folder in folders for evaluation in evaluations(folder)}
    return [read_evaluation(evaluation) for evaluation in found]


def read_run(folder: Path) -> Run:
    """Return the content of a run's files, and of its first evaluation's.

    train.jsonl, and layers.json, examples.safetensors and studies of the evaluation may be missing; the others may not.

    Raises:
        InputError: a file is missing, corrupt, or contradicts another; the message names it and what to do.
    """
    return read_evaluation(evaluations(folder)[0])


def read_evaluation(evaluation: Evaluation) -> Run:
    """Return the content of a run's files and of one evaluation's, as `read_run` does."""
    folder, place, evaluate = evaluation.run, evaluation.folder, evaluation.remedy
    require_run(folder)
    train_again = "pass the folder of a run, or run `hauberk train` again."
    about, summary, layers = folder / "run.json", place / "summary.json", place / "layers.json"
    own = folder / "recipe.yaml"
    recipe = read_text(own, train_again)
    found = parse(read_text(summary, evaluate), Summary, str(summary), evaluate)
    judged_by = read_text(evaluation.recipe, evaluate)
    keys, asked = recipe_keys(recipe, str(own)), recipe_keys(judged_by, str(evaluation.recipe))
    known = parse(read_text(about, train_again), About, str(about), train_again)
    if other := other_data(keys, asked):
        known = replace(known, dataset=f"{other} (trained on {known.dataset})")
    run = Run(
        folder=place if evaluation.name else folder,
        recipe=recipe,
        about=known,
        summary=found,
        records=read_records(place / "records"),
        training=read_training(folder / "train.jsonl"),
        layers=parse_list(read_text(layers, evaluate), Layer, str(layers), evaluate) if layers.exists() else [],
        examples=read_examples(place / "examples.safetensors", evaluate),
        studies=read_studies(place / "studies", evaluate),
        keys=used_keys(keys, asked),
        faces=read_faces(place / "unforeseen", found.unforeseen, evaluate),
        evaluation=evaluation.name,
        judged_by=judged_by,
        inputs=judged_inputs(place / "plan.json", evaluate),
    )
    if missing := SCHEMA.keys() - set(run.records.columns):
        raise InputError(f"{place / 'records'} lacks the columns {', '.join(sorted(missing))}: {evaluate}")
    if len(run.records) != run.summary.examples:
        raise InputError(
            f"{summary} speaks of {run.summary.examples} examples, but {place / 'records'} holds "
            f"{len(run.records)}: delete {place} and {evaluate}"
        )
    return run
