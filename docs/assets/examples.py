"""An extension of griffe, which reads the sources for the site."""

from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Docstrings with their examples under the plural heading, which alone makes code of them."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rename the section of one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
