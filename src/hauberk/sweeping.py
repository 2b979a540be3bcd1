"""The steps of a sweep: every point is trained, then judged on the training examples that it held out.

Nothing here asks for the test split: it stays unseen until `hauberk evaluate` is told which point was chosen.
"""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from accelerate import Accelerator, PartialState
from rich.console import Console

from hauberk.atomic import write_text
from hauberk.claims import claim, require_free
from hauberk.display import Display
from hauberk.errors import InputError, TrainingError
from hauberk.evaluation.sweep import Watcher
from hauberk.exclusive import exclusive
from hauberk.identity import claim as claim_content
from hauberk.identity import differences, first_few, identity
from hauberk.recipe import Tree, build, point_trees
from hauberk.reports.recipe_keys import in_short
from hauberk.reports.search_files import FAILURE, VALIDATION, Search, point_folder, read_search
from hauberk.training.experiment import examples
from hauberk.training.order import held_out
from hauberk.workflow import train_one, trained


def sweep(tree: Tree, points: list[Tree], folder: Path, *, resume: bool, console: Console) -> Search:
    """Train and judge a recipe, without its variants, at some points, and return what was found.

    The folder then holds sweep.yaml, the recipe and the points, and plan.json, their data and what judges them; and
    under `points`, by their numbers from 001, runs as `hauberk train` leaves them, their evaluation on held-out
    examples in `validation`. With `resume` what is finished stays, and what is half done goes on.

    A training run that diverges is recorded as failed, and the sweep goes on without it. It is not tried again, as it
    would diverge again, unless the point's folder is deleted. Any other error ends the sweep.

    Args:
        tree: the recipe.
        points: the values that keys of the recipe take at each point.
        folder: the sweep's folder.
        resume: go on with the sweep in that folder.
        console: shows the progress.

    Raises:
        InputError: several processes; a mistake in the recipe at any point; two points that are one recipe, or that are
            not judged alike; nothing held out, or nothing to judge by; a folder that holds a sweep already and `resume`
            is off, or another sweep, or one of other data or tensors, which are named, and it is on.
    """
    if PartialState().num_processes > 1:
        raise InputError("a sweep runs in one process: start `hauberk sweep` by itself, without a launcher.")
    trees = point_trees(tree, points)
    require_alike(trees)
    listed = [deepcopy(point) for point in points]  # YAML would write what points share only once, with references
    text = yaml.safe_dump({"recipe": tree, "points": listed}, sort_keys=False, allow_unicode=True)
    content = {"judged by": judged_by(trees[0]), **examples(build(trees[0]).data.train())}
    require_free(folder / "sweep.yaml", text, resume=resume)
    with exclusive(folder):
        claim(folder / "sweep.yaml", text, resume=resume)
        claim_content(folder, content)
        run_points(points, trees, folder, console)
    return read_search(folder, points)


def run_points(points: list[Tree], trees: list[Tree], folder: Path, console: Console) -> None:
    """Train and judge the points that are not finished."""
    for number, (point, each) in enumerate(zip(points, trees, strict=True), start=1):
        place = point_folder(folder, number)
        if not (place / VALIDATION / "summary.json").exists() and not (place / FAILURE).exists():
            with Display(console) as display:
                display.line(f"point {number} of {len(points)}: {in_short(point)}")
                run_point(each, place, display)


def run_point(tree: Tree, folder: Path, display: Display) -> None:
    """Train and judge one point, from where it was left."""
    if not (folder / "model.safetensors").exists():
        try:
            train_one(build(tree), tree, folder, resume=True, watch=display.training)
        except TrainingError as error:
            write_text(folder / FAILURE, str(error))
            display.line(f"failed: {error}")
            return
    judge(folder, display.evaluation)


def judge(folder: Path, watch: Watcher) -> None:
    """Evaluate a trained run, except for curve and studies, on the training examples that it held out."""
    recipe = trained(folder, [])
    data = recipe.data.train()
    _, index = held_out(len(data), recipe.trainer.held_out, recipe.trainer.seed)
    evaluator = replace(recipe.evaluator, curve=None, studies={})
    network = recipe.network.to(Accelerator().device)
    threat = recipe.threat.select(index, data.inputs.shape)
    evaluator.evaluate(network, data.select(index), threat, folder / VALIDATION, watch)


def require_alike(trees: list[Tree]) -> None:
    """Build every point before the first is trained, and raise unless all are judged alike.

    Raises:
        InputError: a mistake in a recipe, nothing held out, nothing to judge by, or points that are judged differently.
    """
    first = judged_by(trees[0])
    if not first["trainer"]["held_out"]:
        raise InputError("a sweep judges its points by held-out training examples, but trainer.held_out is 0.")
    for number, tree in enumerate(trees[1:], start=2):
        if found := differences(first, judged_by(tree)):
            raise InputError(
                f"points 1 and {number} differ in {first_few(found)}. All must be judged alike: sweep over what is "
                "trained and how (training_threat is what training defends against)."
            )


def judged_by(tree: Tree) -> Any:
    """Return the identity of what a point's accuracies depend on besides its network."""
    recipe = build(tree)
    evaluator = recipe.evaluator
    if not evaluator.everything and not evaluator.verifiers:
        raise InputError("a sweep judges its points by the evaluator's attacks and verifiers, but there are none.")
    trainer = {"held_out": recipe.trainer.held_out, "seed": recipe.trainer.seed}
    return identity({"data": tree["data"], "trainer": trainer, "threat": recipe.threat, "evaluator": evaluator})
