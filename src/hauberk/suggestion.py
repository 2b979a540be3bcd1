"""Did-you-mean suggestions."""

import difflib


def nearest(word: str, known: list[str]) -> str:
    """Return " (did you mean ...?)" if a known word is close, else nothing."""
    close = difflib.get_close_matches(word, [name for name in known if name != word], 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
