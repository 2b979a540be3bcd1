"""Readable messages about mistakes in recipes."""

import re

from hauberk.recipe.classes import arguments
from hauberk.recipe.places import place_of, place_without
from hauberk.recipe_text.tree import Tree
from hauberk.suggestion import nearest

ALWAYS = ("hauberk.training.Trainer", "hauberk.evaluation.Evaluator", "hauberk.evaluation.Curve")
"""Classes that recipes need not name, since their sections imply them."""
NOISE = (
    *("Parser key", "Problem with given class_path", "Subtypes:", "Errors:", "Does not validate", "Subclass types"),
    "Given value: Namespace",
    "Expected a <class 'NoneType'>",  # whoever gave a value did not mean None
)


def explained(message: str, content: Tree) -> str:
    """Return jsonargparse's message as one line that says what is wrong and where, and may suggest a correction."""
    where = ".".join(re.findall(r"""(?:key "|Group ')([^"']+)""", message)) or "recipe"
    if unknown := re.search(r"""[Oo]ption '([^']+)'""", message):
        name = re.split(r"\.(?:class_path|init_args)", unknown[1])[0]
        known, refusing = known_arguments(content), re.findall(r"class_path '([^']+)'", message)
        meant = nearest(name, arguments(refusing[-1])) if refusing else ""
        meant = meant or (", which belongs to a class below" if name in known else nearest(name, known))
        return f"{place_of(content, name, where)}: there is no argument {name!r}{meant}."
    if lacking := re.search(r"following arguments are required: (\w+)$", message, re.MULTILINE):
        return f"{place_without(content, lacking[1], where)}: lacks {lacking[1]}."
    if (wrong := re.search(r"Not a valid subclass of (\w+)", message)) and not re.search(
        "does not correspond|Expected a <class '(?!None)", message
    ):
        value = re.search(r"(?:Got|Given) value: (.+)", message[wrong.start() :])
        said = f", but is {value[1]}" if value else ""
        return f"{where}: needs {wrong[1]}, written as a mapping (class: name, then its arguments){said}."
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith((*NOISE, "a ", "Not a valid", "Given value type"))]
    elsewhere = [line for line in kept if "does not correspond to a subclass" in line]
    fitting = [line for line in kept if line not in elsewhere]
    if any(not line.startswith("Given value") for line in fitting):  # one of several possible kinds was meant
        kept = fitting
    if len(kept) > 1:  # a whole section's content only hides what is wrong in it
        kept = [line for line in kept if not line.startswith("Given value: {")]
    reason = re.sub(r"<class '([^']+)'>", r"\1", "; ".join(kept))
    return f"{where}: {reason}"


def known_arguments(content: object) -> list[str]:
    """Return the names of all arguments that the classes of a tree take."""
    names, stack = {name for path in ALWAYS for name in arguments(path)}, [content]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(path := item.get("class_path"), str):
                names |= set(arguments(path))
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return sorted(names)
