"""What may have been meant by a word that nothing is called."""

import difflib


def nearest(word: str, known: list[str]) -> str:
    """Return " (did you mean ...?)" where something known is close."""
    close = difflib.get_close_matches(word, [name for name in known if name != word], 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
