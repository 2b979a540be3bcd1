"""The steps of a run, each reading and writing the run's folder: train, evaluate, report."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast_object_list

from hauberk.atomic import require_replaceable, write_text
from hauberk.claims import claim, require_free
from hauberk.errors import InputError
from hauberk.evaluation.summary import Summary
from hauberk.evaluation.sweep import Watcher as EvaluationWatcher
from hauberk.exclusive import exclusive, hold
from hauberk.files import read_text
from hauberk.naming import about, named_evaluation, named_training, variant_name
from hauberk.origin import origin
from hauberk.recipe import Recipe, Tree, build, import_code, read_recipe, variants
from hauberk.reports.evaluation_folders import evaluation_folder
from hauberk.training.journal import Watcher as TrainingWatcher
from hauberk.training.kept_weights import COLLAPSED, FINAL
from hauberk.weights import load_state, load_weights, save_state

MODEL = "model.safetensors"
"""The file of the weights that a run ends with."""


def train(tree: Tree, folder: Path, *, resume: bool, watch: TrainingWatcher, name: str = "") -> None:
    """Train what a recipe describes; the folder then holds recipe.yaml, run.json, train.jsonl and model.safetensors.

    Variants of the recipe become runs of their own, in folders named after them under `variants`; records and errors
    name them. Reports show the recipe's `name`.

    Raises:
        InputError: the folder holds a run already and `resume` is off, or a run of another recipe and it is on.
    """
    trees = {folder: tree} | {folder / "variants" / name: variant for name, variant in variants(tree).items()}
    recipes: dict[Path, Recipe] = {}
    for place, each in trees.items():  # finds mistakes in all before training the first
        with about(variant_name(place, folder)):
            recipes[place] = build(each)
    for place, recipe in recipes.items():
        for taken in (beside(place, file) for file in set_aside(recipe)):
            if taken in trees:
                raise InputError(
                    f"variants.{taken.name}: training puts weights that it sets aside there: rename the variant."
                )
    for place, recipe in recipes.items():
        variant = variant_name(place, folder)
        own = "-".join(filter(None, [name, variant]))
        with about(variant):
            train_one(recipe, trees[place], place, resume=resume, watch=named_training(watch, variant), name=own)
    PartialState().destroy_process_group()


def train_one(
    recipe: Recipe, tree: Tree, folder: Path, *, resume: bool, watch: TrainingWatcher, name: str = ""
) -> None:
    """Train one recipe, as `train` does; of several processes, only the first writes."""
    state, known, text = PartialState(), facts(recipe) | {"recipe": name}, yaml_text(tree)
    if state.is_main_process:
        require_free(folder / "recipe.yaml", text, resume=resume)
    data = recipe.data.train()
    test = recipe.data.test() if recipe.trainer.test_judge else None
    with ExitStack() as held:

        def claimed() -> None:
            if state.is_main_process:
                held.enter_context(exclusive(folder))
                require_replaceable(folder / MODEL)
                claim(folder / "recipe.yaml", text, resume=resume)
                if not (folder / "run.json").exists():
                    write_text(folder / "run.json", json.dumps(known, indent=1))
            state.wait_for_everyone()

        task = recipe.network, data, recipe.training_threat, folder
        recipe.trainer.fit(*task, test=test, resume=resume, watch=watch, claim=claimed)
        if state.is_main_process:
            publish_all(recipe, folder, known)
    state.wait_for_everyone()


def publish_all(recipe: Recipe, folder: Path, known: dict[str, object]) -> None:
    """Publish the weights that training ended with, and those that it set aside."""
    for file in set_aside(recipe):
        weights, other = folder / file, beside(folder, file)
        if weights.exists():
            write_text(other / "recipe.yaml", (folder / "recipe.yaml").read_text(encoding="utf-8"))
            publish(load_state(weights), other, known)
            weights.unlink()
    publish(recipe.network.state_dict(), folder, known)


def publish(state: Mapping[str, Any], folder: Path, known: dict[str, object]) -> None:
    """Write the weights of a run, and run.json with their checksum."""
    weights = folder / MODEL
    save_state(state, weights)
    checked = known | {"weights_sha256": sha256(weights.read_bytes()).hexdigest()}
    write_text(folder / "run.json", json.dumps(checked, indent=1))


def set_aside(recipe: Recipe) -> list[str]:
    """Return the files of weights that training may leave besides those that it ends with."""
    files = [FINAL] if recipe.trainer.keep == "best" else []
    return files if recipe.trainer.detector is None else [*files, COLLAPSED]


def beside(folder: Path, file: str) -> Path:
    """Return the folder for weights that a run does not end with: a variant named after their file."""
    name = Path(file).stem
    variant = folder.parent.name == "variants"
    return folder.with_name(f"{folder.name}-{name}") if variant else folder / "variants" / name


def agreed(folder: Path) -> Path:
    """Return the folder that the first of several processes chose."""
    chosen = [str(folder)]
    PartialState()
    broadcast_object_list(chosen)
    return Path(chosen[0])


def evaluate(
    folder: Path, overrides: list[str], watch: EvaluationWatcher, name: str | None = None
) -> dict[str, Summary]:
    """Evaluate a trained run and its variants on the test split by the recipes in their folders; keep existing shards.

    Summaries are by the name of the variant; the run's own comes first, by the name "". Evaluations of several names
    stand side by side, each with the recipe that it used.

    Raises:
        InputError: the folder holds no trained run, its weights do not fit its recipe, or the name cannot be a
            folder's.
    """
    places = {run: evaluation_folder(run, name) for run in family(folder)}
    found: dict[str, Summary] = {}
    for run, place in places.items():
        variant = variant_name(run, folder)
        with about(variant):
            found[variant] = evaluate_one(run, overrides, place, named_evaluation(watch, variant))
    return found


def family(folder: Path) -> list[Path]:
    """Return the folders of a run and of its variants."""
    return [folder, *sorted(path for path in (folder / "variants").glob("*") if path.is_dir())]


def import_code_of(folder: Path, overrides: list[str]) -> None:
    """Import the classes of the recipes of a run and its variants that are not Hauberk's: the user trusts them."""
    for run in family(folder):
        import_code(read_recipe(str(require(run / "recipe.yaml")), overrides))


def evaluate_one(folder: Path, overrides: list[str], place: Path, watch: EvaluationWatcher) -> Summary:
    """Evaluate one run, as `evaluate` does, into a folder of its own; other evaluations of it may go on beside it."""
    recipe = trained(folder, overrides)
    network, data = recipe.network.to(Accelerator().device), recipe.data.test()
    kept = folder / "recipe.yaml"
    text = yaml_text(read_recipe(str(kept), overrides)) if overrides else read_text(kept)
    with hold(folder, shared=True), exclusive(place):
        return recipe.evaluator.evaluate(
            network, data, recipe.threat, place, watch, lambda: write_text(place / "recipe.yaml", text)
        )


def trained(folder: Path, overrides: list[str]) -> Recipe:
    """Return a run's recipe, its network with the trained weights.

    Raises:
        InputError: the folder holds no trained run, or its weights do not fit its recipe.
    """
    recipe = build(read_recipe(str(require(folder / "recipe.yaml")), overrides))
    load_weights(recipe.network, require(folder / MODEL))
    return recipe


def yaml_text(tree: Tree) -> str:
    """Return a recipe as text."""
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def facts(recipe: Recipe) -> dict[str, object]:
    """Return what a reader of the results needs to know about their origin."""
    known = origin(recipe.network, recipe.data.name, recipe.data.shape, recipe.threat, recipe.trainer.seed)
    return known | {"classes": list(recipe.data.classes), "training_threat": recipe.training_threat.name}


def require(file: Path) -> Path:
    """Return the file, or raise if it is missing."""
    if not file.is_file():
        raise InputError(f"{file} is missing: {file.parent} is not a finished training run (hauberk train makes one).")
    return file
