"""Points of a search: all combinations of values of a recipe's keys, or some drawn at random."""

import math
from dataclasses import dataclass
from itertools import combinations, product
from random import Random
from typing import Any

from hauberk.errors import InputError
from hauberk.recipe_text.tree import ALTERNATIVES, Tree, changed, parsed
from hauberk.reports.recipe_keys import as_number

MOST = 2000
"""Largest number of points of a sweep."""


@dataclass(frozen=True)
class Range:
    """A range of numbers to draw from.

    Args:
        low: the lower end.
        high: the upper end.
        log: draw uniformly on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False

    def draw(self, random: Random) -> float:
        """Return a number drawn uniformly from the range."""
        share = random.random()
        return self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share


def searched(arguments: list[str]) -> dict[str, list[Any] | Range]:
    """Return the values of each key in arguments `key.path=values`, where values are a list or `{low, high, log}`.

    Raises:
        InputError: there is no key, one is named twice, or its values are neither a list nor a range.
    """
    if not arguments:
        raise InputError(
            "a sweep needs keys to sweep over: give --over key=values, say --over 'trainer.epochs=[5, 10]'."
        )
    found: dict[str, list[Any] | Range] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals:
            raise InputError(f"--over takes key=values (say 'trainer.epochs=[5, 10]'), but got {argument!r}.")
        if key in found:
            raise InputError(f"--over {argument}: {key} has values already, so put all of them into one list.")
        given = parsed(text, argument)
        found[key] = range_of(given, argument) if isinstance(given, dict) else given
        if not found[key] or not isinstance(found[key], list | Range):
            raise InputError(f"--over {argument}: the values must be a list, or {{low: ..., high: ..., log: ...}}.")
    return found


def range_of(given: Tree, argument: str) -> Range:
    """Return the range that a mapping describes; numbers may be written as in recipes, like 1e-3 or 8/255."""
    low, high, log = as_number(given.get("low")), as_number(given.get("high")), given.get("log", False)
    kinds = isinstance(low, float) and isinstance(high, float) and isinstance(log, bool)
    if not kinds or given.keys() - {"low", "high", "log"} or not (0 if log else -math.inf) < low < high < math.inf:
        raise InputError(
            f"--over {argument}: a range is {{low: number, high: larger number}}, with log: true if both are positive."
        )
    return Range(low, high, log)


def grid(values: dict[str, list[Any] | Range]) -> list[Tree]:
    """Return all combinations of the values, with those of the last key changing fastest.

    Raises:
        InputError: a key has a range.
    """
    lists = {key: given for key, given in values.items() if isinstance(given, list)}
    if ranges := [key for key in values if key not in lists]:
        raise InputError(f"{ranges[0]} has a range to draw from, not a list: say how many points with --random.")
    require_few(math.prod(map(len, lists.values())))
    return [dict(zip(lists, point, strict=True)) for point in product(*lists.values())]


def drawn(values: dict[str, list[Any] | Range], count: int, seed: object) -> list[Tree]:
    """Return `count` points drawn at random: distinct points of the grid, or independent ones if there is a range.

    Raises:
        InputError: the count is not positive, or the grid has fewer points.
    """
    if count < 1:
        raise InputError(f"--random must be at least 1, but is {count}.")
    require_few(count)
    random = Random(str(seed))  # any text will do: a seed that is not a number is refused when the recipe is built
    if any(isinstance(given, Range) for given in values.values()):
        return [
            {
                key: given.draw(random) if isinstance(given, Range) else random.choice(given)
                for key, given in values.items()
            }
            for _ in range(count)
        ]
    whole = grid(values)
    if count > len(whole):
        raise InputError(f"--random asks for {count} points, but the whole grid has {len(whole)}: leave it out.")
    return random.sample(whole, count)


def require_few(count: int) -> None:
    """Raise unless a sweep may have that many points."""
    if count > MOST:
        raise InputError(f"a sweep has at most {MOST:,} points, but {count:,} are asked for: leave out some values.")


def point_trees(tree: Tree, points: list[Tree]) -> list[Tree]:
    """Return the recipe at each point, without its variants.

    Raises:
        InputError: the recipe has no such place, or two points are the same recipe.
    """
    whole = [changed(tree, point, f"points.{number}") for number, point in enumerate(points, start=1)]
    trees = [{key: value for key, value in each.items() if key not in ALTERNATIVES} for each in whole]
    for (first, one), (second, other) in combinations(enumerate(trees, start=1), 2):
        if one == other:
            raise InputError(
                f"points {first} and {second} are the same recipe, by {points[second - 1]}: drop one of them."
            )
    return trees
