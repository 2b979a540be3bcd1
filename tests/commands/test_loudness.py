import io
import warnings
from argparse import ArgumentParser

import pytest
from rich.console import Console

from hauberk.commands.loudness import loudness_options, progress, warnings_in_lines


def said(*arguments: str) -> str:
    """Return what is shown of a warning and a line of progress."""
    parser, stream = ArgumentParser(), io.StringIO()
    loudness_options(parser)
    options, console = parser.parse_args(arguments), Console(file=stream)
    with warnings_in_lines(options, console):
        progress(options, console).print("half done")
        warnings.warn("of two\nlines", stacklevel=1)
    return stream.getvalue()


def test_a_warning_is_one_line():
    assert said() == "half done\nwarning: of two lines\n"


def test_a_quiet_command_says_nothing():
    assert said("--quiet") == ""


def test_a_verbose_command_says_where_a_warning_comes_from():
    assert f"warning: {__file__}:" in said("--verbose")
    assert "UserWarning: of two lines" in said("--verbose")


def test_warnings_go_where_they_went_afterwards():
    said("--quiet")
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("again", stacklevel=1)
