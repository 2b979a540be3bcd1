"""Entry point of `python -m hauberk` and of the command `hauberk`: Ctrl-C or SIGTERM ends either with one line.

Nothing else is imported before that holds, since most of a start-up is imports.
"""

import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

GRACE = 5.0
"""The seconds that an interrupted process has to clear up; some libraries swallow interruptions while they load."""
RESUME = ": --resume goes on from here"
ADVICE = {
    **dict.fromkeys(("info", "report", "compare", "export"), ""),
    "evaluate": ": the same command goes on from here",
    "audit": ": nothing is kept of an audit that did not end; fewer --minutes end sooner",
}
"""Advice after an interrupted command, where that is not to resume it."""
RECEIVED: list[int] = []
"""The signals that have asked the process to end."""


def run() -> NoReturn:
    """Run the command line, and end the process with its status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores what should not end the process
            signal.signal(number, interrupt)
    try:
        from hauberk.waiting import let_threads_yield

        let_threads_yield()
        from hauberk.cli import main

        status = main()
    except BaseException:
        if not RECEIVED:
            raise
        leave()
    if RECEIVED:
        leave()
    sys.exit(status)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Interrupt what is running; a second signal ends the process at once, and so does the end of the grace.

    An import is ended at once as well: it writes nothing, and some libraries that are interrupted there abort.
    """
    RECEIVED.append(number)
    if len(RECEIVED) > 1 or importing(frame):
        leave()
    timer = threading.Timer(GRACE, leave)
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def importing(frame: FrameType | None) -> bool:
    """Return whether the code that a frame runs was called by an import."""
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def leave() -> NoReturn:
    """End the process: what it was writing is whole, or swept at the next start."""
    said = "terminated" if RECEIVED[0] == signal.SIGTERM else "interrupted"
    advice = ADVICE.get(sys.argv[1] if len(sys.argv) > 1 else "", RESUME)
    os.write(2, f"{said}{advice}\n".encode())
    os._exit(128 + RECEIVED[0])


if __name__ == "__main__":
    run()
