"""Attack and prove any network within a given time: how robust is it, and can that be proven?"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from hauberk.commands.choosing import run_folder
from hauberk.commands.loudness import progress
from hauberk.commands.machine import machine_options, prepare
from hauberk.errors import InputError
from hauberk.files import read_text
from hauberk.recipe_text.tree import parsed

if TYPE_CHECKING:
    from torch import nn

    from hauberk.concepts.dataset import Dataset

CODE = "read a .pt2 file, which may run code, so trust it first"


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument(
        "model", help="net.py:MyCNN, package.module:MyCNN or a .pt2 file; or the recipe.yaml of an audit, to repeat it"
    )
    parser.add_argument("--weights", metavar="FILE", help="its weights: .safetensors, or a state dict as .pt or .pth")
    parser.add_argument("--entry", help='the key of the state dict in a file that holds more, say "state_dict"')
    parser.add_argument("--prefix", help='what names in the file begin with, say "module."')
    parser.add_argument("--mean", type=float, nargs="+", help="means that inputs are normalised by, one per channel")
    parser.add_argument("--std", type=float, nargs="+", help="standard deviations, if the network expects such inputs")
    parser.add_argument("--data", metavar="PATH", help=".npz, .csv or .tsv, or a folder: IDX, CIFAR, SVHN, HAR, images")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="pixels on a side, for folders of images")
    parser.add_argument("--channels-last", action="store_true", default=None, help="images are (n, h, w, channels)")
    parser.add_argument("--eps", help="the radius, in units of the input: 0.1 or 8/255")
    parser.add_argument("--norm", help="linf (default), l2, l1, l0; flow, recolor or jpeg for images")
    parser.add_argument("--within", type=float, nargs=2, metavar=("LOW", "HIGH"), help="range (default: the data's)")
    parser.add_argument("--minutes", type=float, help="the time for everything (default: 5)")
    parser.add_argument("--examples", type=int, metavar="N", help="the first N examples (default: as time allows)")
    parser.add_argument("--seed", type=int, metavar="N", help="seeds the attacks' noise (default: 0)")
    parser.add_argument("--run", metavar="FOLDER", help="folder for records, recipe and page (default: new, in runs/)")
    parser.add_argument("--allow-code", action="store_true", help=CODE)
    machine_options(parser)


ASKED: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("model", "weights", "entry", "prefix", "data", "norm"), (str,)),
    **dict.fromkeys(("mean", "std", "within"), (list,)),
    **dict.fromkeys(("size", "examples", "seed"), (int,)),
    "eps": (str, int, float),
    "minutes": (int, float),
    "channels_last": (bool,),
}
"""The options that say what is asked, which recipe.yaml holds, and the types of their values."""


def run(options: Namespace, console: Console) -> None:
    """Audit a network, print the headline table, what there was no time for, and the path of the page."""
    asked = question(options)
    for key, example in (("data", "images.npz"), ("eps", "8/255")):
        if asked.get(key) is None:
            raise InputError(f"an audit needs --{key}, say --{key} {example}.")
    if asked.get("within") is not None and (len(asked["within"]) != 2 or not asked["within"][0] < asked["within"][1]):
        raise InputError(f"--within is LOW HIGH, the first of them less, but is {asked['within']}.")
    prepare(options)
    from hauberk.auditing import conduct, inquiry
    from hauberk.countdown import Countdown
    from hauberk.presets.budgets import in_seconds
    from hauberk.presets.named import threat_of
    from hauberk.reports import print_headline, print_rest

    with Countdown(progress(options, console), in_seconds(asked.get("minutes", 5.0))) as countdown:
        data = dataset_of(asked)
        network = network_of(asked, data.shape[0], allow_code=options.allow_code)
        threat = threat_of(None, asked["eps"], asked.get("norm", "linf"), asked.get("within", data.range))
        found = conduct(
            inquiry(network, data, threat, examples=asked.get("examples"), seed=asked.get("seed", 0)),
            name=data.name,
            recipe={"audit": asked},
            folder=run_folder(options.run, f"audit-{data.name}".replace("/", "-")),
            countdown=countdown,
        )
    page = found.report(found.folder / "audit.html")
    print_headline(found.summary, Console())
    print_rest(found.summary, Console())
    print(page)


def question(options: Namespace) -> dict[str, Any]:
    """Return what is asked: what the options say, and what the recipe of an earlier audit says where they do not.

    Raises:
        InputError: the recipe is none of an audit.
    """
    given = {key: getattr(options, key) for key in ASKED if getattr(options, key) is not None}
    if not options.model.endswith((".yaml", ".yml")):
        return given
    try:
        tree = parsed(read_text(options.model), options.model)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe {options.model!r} cannot be read ({error}).") from error
    asked = tree.get("audit") if isinstance(tree, dict) else None
    if not isinstance(asked, dict) or "eps" not in asked:
        raise InputError(f"{options.model} is no recipe of `hauberk audit`: for others there is hauberk train.")
    for key, value in asked.items():
        if key not in ASKED:
            raise InputError(f"{options.model}: an audit has no {key!r}: it has {', '.join(ASKED)}.")
        numbers = not isinstance(value, list) or all(type(number) in (int, float) for number in value)
        if type(value) not in ASKED[key] or not numbers:
            raise InputError(f"{options.model}: {key} cannot be {value!r:.80}: write it as --{key} takes it.")
    return asked | {key: value for key, value in given.items() if key != "model"}


def dataset_of(asked: Mapping[str, Any]) -> "Dataset":
    """Return the data that are asked about."""
    from hauberk.datasets import detected

    within = asked.get("within")
    return detected(
        asked["data"],
        within=None if within is None else (within[0], within[1]),
        size=asked.get("size"),
        channels_last=asked.get("channels_last", False),
    )


def network_of(asked: Mapping[str, Any], channels: int, *, allow_code: bool) -> "nn.Module":
    """Return the network that is asked about, with its weights, on the device that was chosen.

    Raises:
        InputError: means and deviations are not one each per channel.
    """
    from accelerate import PartialState

    from hauberk.layers import Normalized
    from hauberk.models import load_model
    from hauberk.weights import load_weights

    network = load_model(asked["model"], allow_code=allow_code)
    if asked.get("weights") is not None:
        load_weights(network, asked["weights"], entry=asked.get("entry"), prefix=asked.get("prefix", ""))
    mean, std = asked.get("mean"), asked.get("std")
    if any(len(given or ()) != (0 if mean is None and std is None else channels) for given in (mean, std)):
        raise InputError(
            f"--mean and --std belong together: one number per channel each, of which there are {channels}."
        )
    if mean is not None and std is not None:
        network = Normalized(mean, std, network)
    return network.to(PartialState().device)
