"""Messages of failures: one line if its cause can be mended, and where the traceback is if it cannot."""

import errno
import tempfile
import traceback
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from hauberk.errors import HauberkError

LONGEST = 2000
"""Largest number of characters of a message: what a file holds may be of any length."""
ADVICE = {
    errno.ENOSPC: "free some space, or choose another disk",
    errno.EDQUOT: "free some space, or choose another disk",
    errno.EACCES: "check its permissions, or choose another place",
    errno.EPERM: "check its permissions, or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "check the path",
    errno.EEXIST: "a file stands where a folder is needed; choose another place",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another place",
    errno.EISDIR: "name a file, not a folder",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
"""Advice about errors of the operating system."""


def complain(text: str, console: Console) -> None:
    """Print an error on one line, unless standard error is closed or full."""
    with suppress(OSError):
        console.print(Text.assemble(("error:", "bold red"), " ", one_line(text)), soft_wrap=True)


def told(error: BaseException) -> str:
    """Return what an error says, after its notes on what it is about."""
    return ": ".join([*getattr(error, "__notes__", ()), itself(error)])


def itself(error: BaseException) -> str:
    """Return what an error says without notes; the traceback of one that nobody foresaw goes to a file."""
    said = str(error)
    if isinstance(error, HauberkError):
        return said
    if isinstance(error, OSError):
        advice = ADVICE.get(error.errno or 0, "check the path and the disk")
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror or said or type(error).__name__}: {advice}."
    if isinstance(error, MemoryError) or "allocate memory" in said or "out of memory" in said:
        return f"not enough memory: make the network, the data or the batches smaller ({said or 'no details'})."
    if isinstance(error, RecursionError):
        return "something in the files or options is nested too deeply: simplify it."
    return (
        f"unforeseen {type(error).__name__}: {said[:300]}. This is a fault of Hauberk: please report it with the "
        f"command and {written_traceback(error)}."
    )


def one_line(text: str) -> str:
    """Return text on one line, with escapes in place of what a terminal would not show as it is."""
    words = " ".join(text.split())
    shown = words if len(words) <= LONGEST else f"{words[:LONGEST]} ..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


def written_traceback(error: BaseException) -> str:
    """Return the name of a new file with an error's traceback, or what stands for it if none can be written."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="hauberk-", suffix=".txt", delete=False
        ) as file:
            file.writelines(traceback.format_exception(error))
            return f"the file {file.name}"
    except OSError:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"the place, line {frame.lineno} of {frame.filename}"
