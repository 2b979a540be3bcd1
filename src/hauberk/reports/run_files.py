"""The files of a run, read into one value."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from hauberk.errors import InputError
from hauberk.evaluation.records import SCHEMA, read_records
from hauberk.reports.examples import Examples, read_examples
from hauberk.reports.recipe_keys import recipe_keys
from hauberk.reports.study_files import StudyFile, read_studies
from hauberk.reports.summary import Summary
from hauberk.reports.training import Training, read_training
from hauberk.reports.typed_json import parse, parse_list, read_text
from hauberk.reports.unforeseen import Faces, read_faces

EVALUATE = "run `hauberk evaluate` on this run again."


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
    """Everything that a report can show about a run; whatever is None or empty is left out.

    Args:
        folder: the run's folder.
        recipe: the text of recipe.yaml, verbatim.
        about: the content of run.json.
        summary: the content of evaluation/summary.json.
        records: one row per example.
        training: the journal.
        layers: the states of the neurons.
        examples: a few examples with their adversarial versions.
        studies: the tables of studies.
        keys: the values of the recipe by their paths.
        faces: a few examples under each of these, by their names.
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

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.resolve().name

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


def read_run(folder: Path) -> Run:
    """Return the content of a run's files.

    train.jsonl, evaluation/layers.json, evaluation/examples.safetensors and evaluation/studies may be missing; the
    others may not.

    Raises:
        InputError: a file is missing, corrupt, or contradicts another; the message names it and what to do.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not the folder of a run: pass one that holds recipe.yaml and evaluation/.")
    evaluation = folder / "evaluation"
    train_again = "pass the folder of a run, or run `hauberk train` again."
    about, summary, layers = folder / "run.json", evaluation / "summary.json", evaluation / "layers.json"
    recipe = read_text(folder / "recipe.yaml", train_again)
    found = parse(read_text(summary, EVALUATE), Summary, str(summary), EVALUATE)
    run = Run(
        folder=folder,
        recipe=recipe,
        about=parse(read_text(about, train_again), About, str(about), train_again),
        summary=found,
        records=read_records(evaluation / "records"),
        training=read_training(folder / "train.jsonl"),
        layers=parse_list(read_text(layers, EVALUATE), Layer, str(layers), EVALUATE) if layers.exists() else [],
        examples=read_examples(evaluation / "examples.safetensors", EVALUATE),
        studies=read_studies(evaluation / "studies", EVALUATE),
        keys=recipe_keys(recipe, str(folder / "recipe.yaml")),
        faces=read_faces(evaluation / "unforeseen", found.unforeseen, EVALUATE),
    )
    missing = SCHEMA.keys() - set(run.records.columns)
    if missing:
        raise InputError(f"{evaluation / 'records'} lacks the columns {', '.join(sorted(missing))}: {EVALUATE}")
    if len(run.records) != run.summary.examples:
        raise InputError(
            f"{summary} speaks of {run.summary.examples} examples, but {evaluation / 'records'} holds "
            f"{len(run.records)}: delete {evaluation} and {EVALUATE}"
        )
    return run
