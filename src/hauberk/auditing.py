"""An audit: how robust is this model, as far as attacks and proofs can tell within a given time?"""

import json
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from rich.console import Console
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from hauberk import accepted
from hauberk.atomic import write_text
from hauberk.audited import Audit
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Dataset, Examples, Split
from hauberk.concepts.noise import require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.countdown import Countdown
from hauberk.errors import InputError
from hauberk.evaluation.inquiry import Inquiry
from hauberk.evaluation.records import read_records
from hauberk.exclusive import exclusive
from hauberk.origin import class_name, origin
from hauberk.presets.budgets import in_seconds
from hauberk.presets.named import Radius, threat_of

READING = 0.25
"""The share of the time in which examples are read from a torch dataset."""


def audit(
    model: nn.Module,
    data: Dataset | Examples,
    eps: Radius | None = None,
    norm: str = "linf",
    *,
    within: tuple[float, float] | None = (0.0, 1.0),
    threat: ThreatModel | None = None,
    minutes: float = 5.0,
    examples: int | None = None,
    attacks: Mapping[str, Attack | MinimumDistanceAttack] | None = None,
    verifiers: Sequence[Verifier] | None = None,
    folder: Path | str | None = None,
    name: str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Audit:
    """Attack a model and prove what can be proven within so many minutes, and return what was found.

    Attacks and verifiers take turns on the examples that are neither broken nor proven, cheap ones first; what would
    not be through with one example in time is not begun. As many examples are judged, from the first, as meet the first
    attack in a third of the time. Progress goes to standard error. How much is decided depends on the machine; what is
    proven or broken is so anywhere.

    Args:
        model: maps inputs to logits; a normalisation belongs inside. It is judged in eval mode, and not changed.
        data: labelled examples: a pair of tensors or arrays, a torch Dataset or DataLoader, a `Split`, or a data set of
            Hauberk's, of which the test split is taken. Bytes are taken as pixels and become 0 to 1.
        eps: the radius, in units of the input: a number, "8/255", or a tensor with one radius per example.
        norm: "linf", "l2", "l1", "l0"; "flow", "recolor" or "jpeg" for images.
        within: the range of valid inputs; None if every number is valid.
        threat: any other threat, in place of eps, norm and within.
        minutes: the time for everything.
        examples: the largest number of examples; None for as many as the time allows.
        attacks: by name; by default those of `presets.attacks_on`.
        verifiers: by default those of `presets.prove`.
        folder: the folder for records, recipe and page, new or empty; None if none of them is to be kept.
        name: the name of the data in the report.
        seed: seeds the attacks' noise.
        quiet: show no progress.

    Raises:
        InputError: an argument is not what it must be, an input leaves the range, the folder holds something, or not
            one example is through with the first attack in time; the message says what to do.
        ShapeError: inputs or labels have the wrong shape or type.
        SoundnessError: an example is misclassified where it is proven; the evidence is kept in the folder.

    Example:
        >>> import hauberk
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(2, 2, bias=False)
        >>> model.weight.data = torch.eye(2)
        >>> data = torch.tensor([[0.9, 0.2], [0.5, 0.4], [0.1, 0.3]]), torch.tensor([0, 0, 0])
        >>> found = hauberk.audit(model, data, eps=0.1, quiet=True)
        >>> found.clean.count, found.attacked.count, found.certified.count
        (2, 1, 1)
    """
    over, place = threat_of(threat, eps, norm, within), None if folder is None else accepted.folder_at(folder)
    name = name_of(data) if name is None else name
    require_text("name", name)
    with Countdown(Console(stderr=True, quiet=quiet), in_seconds(minutes)) as countdown:
        asked = inquiry(
            model,
            data,
            over,
            examples=examples,
            attacks=attacks,
            verifiers=verifiers,
            seed=seed,
            seconds=READING * countdown.seconds,
        )
        about = {"model": class_name(type(model)), "data": name, "threat": over.name, "minutes": minutes}
        return conduct(asked, name=name, recipe={"python": about}, folder=place, countdown=countdown)


def inquiry(
    model: nn.Module,
    data: Dataset | Examples,
    threat: ThreatModel,
    *,
    examples: int | None = None,
    attacks: Mapping[str, Attack | MinimumDistanceAttack] | None = None,
    verifiers: Sequence[Verifier] | None = None,
    seed: int = 0,
    seconds: float = inf,
) -> Inquiry:
    """Return what an audit asks, about the first `examples` or as many as are read in `seconds`; else as in `audit`.

    Raises:
        InputError: there is to be no example, or the seed is none.
    """
    require_seed(seed)
    if examples is not None and (isinstance(examples, bool) or not isinstance(examples, int) or examples < 1):
        raise InputError(f"examples must be a positive integer, or None for as many as time allows, not {examples!r}.")
    given = data.test() if isinstance(data, Dataset) else data
    split = Split.of(given, most=examples, seconds=seconds)
    source = given.dataset if isinstance(given, DataLoader) else given
    whole = len(source) if isinstance(source, Split | TorchDataset) else len(source[1])  # pyright: ignore
    shape = (whole, *split.inputs.shape[1:])
    over = threat.select(slice(0, len(split)), shape)
    return Inquiry(model, split, over, attacks, verifiers, seed, whole if examples is None else min(examples, whole))


def conduct(
    asked: Inquiry, *, name: str, recipe: Mapping[str, Any], folder: Path | None, countdown: Countdown
) -> Audit:
    """Answer an inquiry in a folder of its own, in the time that is left, and return what was found.

    Args:
        asked: the inquiry.
        name: the name of the data.
        recipe: what was asked, as recipe.yaml says it.
        folder: new or empty; None for one that is gone with the result.
        countdown: shows the progress, and has the time.

    Raises:
        InputError: the folder holds something, or cannot be one.
    """
    asked.require()
    kept = TemporaryDirectory(prefix="hauberk-") if folder is None else None
    place = folder or Path(str(kept and kept.name))
    if place.exists() and not place.is_dir():
        raise InputError(f"{place} is no folder: name a new one for the audit.")
    with exclusive(place):
        require_unused(place)
        summary = asked.answer(place / "evaluation", countdown.left, countdown.watch)
        summary |= {"minutes": countdown.seconds / 60, "offered": asked.offered}
        write_text(place / "evaluation" / "summary.json", json.dumps(summary, indent=1))
        about = origin(asked.network, name, asked.data.inputs.shape[1:], asked.threat, asked.seed)
        write_text(place / "run.json", json.dumps(about, indent=1))
        write_text(place / "recipe.yaml", yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True))
    return Audit(summary, read_records(place / "evaluation" / "records"), place, kept)


def name_of(data: object) -> str:
    """Return the name of data in reports."""
    return data.name if isinstance(data, Dataset) else "given examples"


def require_text(what: str, text: object) -> None:
    """Raise unless something is text that files can hold.

    Raises:
        InputError: the message calls it `what`.
    """
    if not isinstance(text, str) or not text.isprintable():
        raise InputError(f"{what} is printable text, but is {text!r:.80}.")


def require_unused(folder: Path) -> None:
    """Raise if a folder holds anything.

    Raises:
        InputError: the message names it.
    """
    if any(not path.name.startswith(".") for path in folder.iterdir()):
        raise InputError(f"{folder} is not empty: name a new folder for the audit.")
