"""The list of a page's sections."""

import re

from markupsafe import Markup

SECTION = re.compile(r'<section(?: [^>]*)? id="(?P<id>[^"]+)"[^>]*>\s*<h2>(?P<heading>.*?)</h2>', re.DOTALL)


def contents(body: Markup) -> list[tuple[str, Markup]]:
    """Return ids and headings of the sections that a part of the page consists of, in order."""
    return [(found["id"], Markup(found["heading"])) for found in SECTION.finditer(body)]
