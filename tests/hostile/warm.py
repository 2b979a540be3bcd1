"""A process that has imported all and forks for each command line: starting Python anew takes seconds.

Run as a program of its own. Polars' threads would not survive the fork, so nothing here may use them.
"""

import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

CPU_SECONDS, WALL_SECONDS = 5, 600
"""What a command may take: its own time, whatever else the machine does; and all in all, in case it waits for ever."""
ADDRESSES = 2**33
"""The address space that a command may add: bombs must not harm the machine."""


def serve() -> None:
    """Run the commands that standard input names, a line each, and answer each with a line."""
    from hauberk.recipe import build, public_classes, read_recipe

    list(public_classes())
    build(read_recipe("mnist-demo", [], "smoke"))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=answers, flush=True)


def answer(arguments: list[str], folder: str, output: str, errors: str) -> dict[str, Any]:
    """Run one command in a folder, its output going to two files, and say how it ended and what it took."""
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        os.write(mouth, str(pages(1)).encode())  # less than in the parent: pages of files are mapped when used
        run(arguments, folder, output, errors)
    _, status, used = os.wait4(child, 0)
    resident = int(os.read(ear, 99))
    os.close(ear)
    os.close(mouth)
    return {"status": os.waitstatus_to_exitcode(status), "bytes": used.ru_maxrss * 1024 - resident}


def pages(place: int) -> int:
    """Return the bytes of this process's address space (0), or of those in memory (1)."""
    return int(Path("/proc/self/statm").read_text().split()[place]) * resource.getpagesize()


def run(arguments: list[str], folder: str, output: str, errors: str) -> None:
    """Run a command with limits, and end this process."""
    status = 70
    try:
        os.chdir(folder)
        sys.path.insert(0, folder)  # as `python -m hauberk` does
        for number, file in ((0, os.devnull), (1, output), (2, errors)):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        resource.setrlimit(resource.RLIMIT_AS, (pages(0) + ADDRESSES, pages(0) + ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(WALL_SECONDS)
        from hauberk.cli import main

        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
