"""Several processes that train together: the folder that they agree on, and their end."""

import os
import sys
from argparse import Namespace
from pathlib import Path

from rich.console import Console

from hauberk.commands.choosing import run_folder, run_name
from hauberk.commands.machine import prepare


def team(options: Namespace, console: Console) -> tuple[Path, bool]:
    """Prepare to train; return the run's folder, and whether this is the first process: others show nothing."""
    from accelerate import PartialState

    from hauberk import workflow

    prepare(options)
    folder = workflow.agreed(run_folder(options.run, run_name(options)))
    first = PartialState().is_main_process
    console.quiet = not first
    return folder, first


def end_together() -> None:
    """End this process at once if several have trained.

    Some processes that trained together were seen to abort while the interpreter shut down, with all work done.
    """
    from accelerate import PartialState

    sys.stdout.flush()
    if PartialState().num_processes > 1:
        os._exit(0)
