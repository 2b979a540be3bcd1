"""The differences between two identities, in words."""

import json
import re
from typing import Any

SHOWN, LONGEST = 3, 80
"""The numbers of differences that a message names, and of letters of a value."""


def first_few(found: list[str]) -> str:
    """Return the first few differences as text, and the number of the others."""
    return "; ".join(found[:SHOWN]) + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """Return a sentence for each place where two trees of `identity` differ, with both values.

    Args:
        old: the tree on disk.
        new: the tree at hand.
        place: the name of the whole.
    """
    if json.dumps(old) == json.dumps(new):
        return []
    if isinstance(old, dict) and isinstance(new, dict) and old.get("class") == new.get("class"):
        return of_mappings(old, new, place)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        other = [
            number
            for number, pair in enumerate(zip(old, new, strict=True))
            if json.dumps(pair[0]) != json.dumps(pair[1])
        ]
        if len(other) > SHOWN:
            return [f"{place or 'all'}: other values in {len(other)} of {len(old)}, the first at {other[0]}"]
        return [one for number in other for one in differences(old[number], new[number], inside(place, number))]
    was, now = in_words(old), in_words(new)
    return [f"{place or 'all'}: {was} there, {now} here" if was != now else f"{place or 'all'}: another one"]


def of_mappings(old: dict[str, Any], new: dict[str, Any], place: str) -> list[str]:
    """Return the differences of two mappings, or of two objects of one class; many tensors make one sentence."""
    found = [f"{inside(place, name)}: {in_words(old[name])} there, none here" for name in old if name not in new]
    found += [f"{inside(place, name)}: none there, {in_words(new[name])} here" for name in new if name not in old]
    other = [name for name in old if name in new and json.dumps(old[name]) != json.dumps(new[name])]
    tensors = [name for name in other if is_hash(old[name]) and is_hash(new[name])]
    if len(tensors) > 1 and all(is_hash(value) for name, value in old.items() if name != "class"):
        found.append(f"{place}: other values in {len(tensors)} of {len(old)} tensors, {tensors[0]} the first")
        other = [name for name in other if name not in tensors]
    found += [one for name in other for one in differences(old[name], new[name], inside(place, name))]
    return found or [f"{place or 'all'}: another order"]


def inside(place: str, name: object) -> str:
    """Return the place of a part within another."""
    return f"{place}.{name}" if place else str(name)


def is_hash(tree: Any) -> bool:
    """Return True for the hash of something."""
    return isinstance(tree, str) and tree.startswith("sha256:")


def in_words(tree: Any) -> str:
    """Return a tree in a few words, hashes by their first letters."""
    if isinstance(tree, dict):
        return str(tree.get("class", "{" + ", ".join(tree) + "}"))[:LONGEST]
    if isinstance(tree, list):
        return f"{len(tree)} parts"
    text = re.sub(r"(sha256:\w{8})\w{56}", r"\1…", tree) if is_hash(tree) else repr(tree)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
