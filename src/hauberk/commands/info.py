"""Print what there is to choose from: recipes, and classes with their arguments."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from rich.console import Console


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("name", nargs="?", help="a class (attacks.PGD), a package (attacks) or a shipped recipe")
    parser.add_argument("--operators", action="store_true", help="list the operators of networks that have bounds")
    parser.add_argument("--devices", action="store_true", help="list the devices and threads that torch finds")


def run(options: Namespace, console: Console) -> None:
    """Print an overview, or what is known of one name."""
    from hauberk.catalogue.overview import about, overview

    asked = [operators] * options.operators + [devices] * options.devices
    own = about(options.name) if options.name else () if asked else overview()
    for lines in (own, *(each() for each in asked)):
        for line in lines:
            print(line)


def operators() -> Iterator[str]:
    """Yield the operators that bounds are known for."""
    import hauberk.ops  # noqa: F401  (fills the registry)
    from hauberk.translation.rules import covered

    yield f"operators with bounds: {', '.join(covered())}"


def devices() -> Iterator[str]:
    """Yield the devices that torch finds, and its threads."""
    import torch

    names = ["cpu", *(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))]
    yield f"devices: {', '.join(names)} ({torch.get_num_threads()} threads)"
