"""The steps of a cascade: its stages, each an ordinary run in a folder of its own, and what they certify together."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import polars as pl
import torch
import yaml
from accelerate import Accelerator, PartialState
from jaxtyping import Int
from torch import Tensor, nn

from hauberk.atomic import replacing
from hauberk.capture import capture
from hauberk.claims import claim
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.display import Display
from hauberk.errors import InputError
from hauberk.evaluation.cascade_scores import evaluate_cascade
from hauberk.evaluation.summary import Summary
from hauberk.evaluation.uncertified import uncertified
from hauberk.exclusive import exclusive
from hauberk.identity import differences, first_few, identity
from hauberk.parquet import read_parquet
from hauberk.propagation.prediction import Answering
from hauberk.recipe import Recipe, Tree, build, read_recipe
from hauberk.sampling.smoothed_network import SmoothedNetwork
from hauberk.verification import InOrder, flags
from hauberk.verification.cascade import require_symmetric
from hauberk.workflow import require, train_one, trained

WEIGHTS = "model.safetensors"
"""The last file that training writes."""
MOST = 100
"""Largest number of stages."""


def train(
    tree: Tree, folder: Path, stages: int, *, first: Path | None = None, resume: bool, display: Display
) -> list[Path]:
    """Train up to `stages` stages, each on the training examples that none before it certifies; return their folders.

    Stage s is a run in `stages/s`, with the recipe's seed plus s - 1 and an initialisation of its own. What it leaves
    is found by the recipe's verifiers, over the sets of `threat`, which the evaluation is about. The cascade ends when
    too few examples are left for a batch besides those held out. The recipe's variants play no part.

    Args:
        tree: the recipe.
        folder: the cascade's folder.
        stages: the largest number of stages.
        first: a trained run that is taken as the first stage.
        resume: go on with the cascade in that folder, which may get more stages than it had.
        display: shows the progress.

    Raises:
        InputError: there is no stage, the recipe has no verifier, the folder holds a run already and `resume` is off or
            another recipe's and it is on, `first` does not fit, or a stage was trained on other examples.
        UnsupportedOpError, UnsupportedSetError: the verifiers cannot bound the network, or the sets.
    """
    if stages < 1:
        raise InputError(f"a cascade needs at least one stage, but is to have {stages}.")
    if stages > MOST:
        raise InputError(f"a cascade has at most {MOST} stages, but is to have {stages:,}.")
    with ExitStack() as held:
        return train_stages(tree, folder, stages, first, resume, display, held)


def train_stages(
    tree: Tree, folder: Path, stages: int, first: Path | None, resume: bool, display: Display, held: ExitStack
) -> list[Path]:
    """Train the stages, as `train` does; `held` keeps the folder from other processes."""
    tree = {key: value for key, value in tree.items() if key != "variants"}
    recipe, state = build(tree), PartialState()
    data, verifier = recipe.data.train(), prover(recipe)
    networks = [recipe.network] if first is None else [recipe.network, fitting(first, recipe).network]
    one = slice(0, 1)
    threat = recipe.threat.select(one, data.inputs.shape)
    require_symmetric(threat.at(data.batch(one)[0]), threat)
    for network in networks:  # what cannot be bounded is refused now, not after the first stage's training
        flags(answering(network, recipe, data), threat, verifier, data.select(one))
    places = [folder / "stages" / str(number + 1) for number in range(stages)]
    if state.is_main_process:
        held.enter_context(exclusive(folder))
        claim(folder / "recipe.yaml", yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), resume=resume)
        if first is not None:
            take(first, places[0])
    state.wait_for_everyone()
    needed, left = recipe.trainer.held_out + recipe.trainer.batch, torch.arange(len(data))
    for number, place in enumerate(places):
        if number:
            left = left_by(places[number - 1], recipe, data, left, display)
            display.line(f"training examples left after stage {number}: {len(left):,} of {len(data):,}")
            if len(left) < needed:
                display.line(
                    f"the cascade ends here: stage {number + 1} needs {needed:,} (trainer.held_out and a batch)"
                )
                places = places[:number]
                break
            keep(left, place / "examples.parquet")
        if not (place / WEIGHTS).exists():
            stage = of_stage(tree, recipe.trainer.seed + number, place) if number else tree
            own = build(stage)
            facing = own.training_threat.select(left, data.inputs.shape)
            train_one(replace(own, training_threat=facing), stage, place, resume=resume, watch=display.training)
    state.destroy_process_group()
    return places


def evaluate(folder: Path, stages: list[Path], display: Display) -> Summary:
    """Judge trained stages together, on as many test examples as the recipe's evaluator takes.

    Records and summary go to `evaluations` in the cascade's folder, by the number of stages; existing shards are kept.

    Raises:
        InputError: a stage is not trained or does not fit the data, or another process is at work in the folder.
    """
    recipe = build(read_recipe(str(require(folder / "recipe.yaml")), []))
    whole, first = recipe.data.test(), slice(0, recipe.evaluator.examples)
    data, threat = whole.select(first), recipe.threat.select(first, whole.inputs.shape)
    subjects = [answering(trained(stage, []).network, recipe, data) for stage in stages]
    place, size = folder / "evaluations" / str(len(stages)), recipe.evaluator.shard
    with exclusive(folder):
        return evaluate_cascade(subjects, threat, prover(recipe), data, place, size, display.evaluation)


def prover(recipe: Recipe) -> Verifier:
    """Return the recipe's verifiers as one, or raise if there are none."""
    if not recipe.evaluator.verifiers:
        raise InputError(
            "stages of a cascade answer what they can prove, but evaluator.verifiers is empty: name one, say "
            "{class: verification.ByBound, bounder: bounds.BackwardLinear}."
        )
    return InOrder(recipe.evaluator.verifiers)


def answering(network: nn.Module, recipe: Recipe, data: Split) -> Answering:
    """Return what answers as a stage, on the accelerator if there is one: a graph, or the smoothed network."""
    device = Accelerator().device
    if recipe.evaluator.smoothing is not None:
        return SmoothedNetwork(network.to(device), recipe.evaluator.smoothing)
    return capture(network.to(device), data.batch(slice(0, 2))[0].to(device))


def fitting(first: Path, recipe: Recipe) -> Recipe:
    """Return the recipe of a trained run that becomes the first stage, or raise if it does not fit."""
    given = trained(first, [])
    if found := differences(identity(given.threat), identity(recipe.threat), "threat"):
        raise InputError(
            f"{first} cannot be the first stage: its threat differs from the recipe's, {first_few(found)}."
        )
    for what, own, other in (
        ("shape of inputs", tuple(recipe.data.shape), tuple(given.data.shape)),
        ("classes", recipe.data.classes, given.data.classes),
    ):
        if own != other:
            raise InputError(f"{first} cannot be the first stage: its {what}, {other}, must be the recipe's, {own}.")
    return given


def take(first: Path, place: Path) -> None:
    """Copy a trained run to where the first stage belongs, its weights last.

    Raises:
        InputError: another first stage is there.
    """
    weights = place / WEIGHTS
    if (weights.exists() and weights.read_bytes() != (first / WEIGHTS).read_bytes()) or (place / "checkpoint").exists():
        raise InputError(f"{place} holds another first stage: leave out --first, or choose another folder with --run.")
    for name in ("recipe.yaml", "run.json", "train.jsonl", WEIGHTS):
        if (first / name).exists():
            with replacing(place / name) as temporary:
                temporary.write_bytes((first / name).read_bytes())


def left_by(stage: Path, recipe: Recipe, data: Split, index: Int[Tensor, "n"], display: Display) -> Int[Tensor, "m"]:
    """Return those of the indexed training examples that a trained stage does not certify."""
    what = f"stage {stage.name} on its training examples"
    return uncertified(
        answering(trained(stage, []).network, recipe, data),
        recipe.threat,
        prover(recipe),
        data,
        index,
        stage / "certified",
        recipe.evaluator.shard,
        lambda done, total: display.evaluation(what, done, total),
    )


def keep(index: Int[Tensor, "n"], file: Path) -> None:
    """Record the training examples that a stage gets.

    Raises:
        InputError: it was given others before.
    """
    frame = pl.DataFrame({"index": index.tolist()})
    if file.exists() and not read_parquet(file).equals(frame):
        raise InputError(f"{file.parent} was to be trained on other examples: a stage before it changed. Delete it.")
    with replacing(file) as temporary:
        frame.write_parquet(temporary)


def of_stage(tree: Tree, seed: int, place: Path) -> Tree:
    """Return the recipe of a later stage: other examples, and another seed."""
    data = {"class": "datasets.Selected", "data": tree["data"], "file": str(place / "examples.parquet")}
    return tree | {"seed": seed, "data": data, "trainer": {**tree["trainer"], "seed": seed}}
