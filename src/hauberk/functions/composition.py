"""Operators composed of others: rules that call the rules of torch's simpler operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any

import torch
from torch.utils._pytree import tree_iter, tree_map

from hauberk.concepts.lowering import RULES, Computed, Lowered, Stored, Value
from hauberk.errors import UnsupportedOpError
from hauberk.functions.bilinear import Bilinear
from hauberk.functions.contraction import Contraction

aten = torch.ops.aten


@dataclass(frozen=True, eq=False)
class Inner(Value):
    """Result of another rule, as an operand of further rules.

    Args:
        recipe: the recipe of the node that computes it.
    """

    recipe: Lowered

    def __eq__(self, other: object) -> bool:
        return self is other  # the index says nothing

    def __hash__(self) -> int:
        return id(self)


def call(operator: Any, *arguments: Any, shape: tuple[int, ...] | None = None, **keywords: Any) -> Any:
    """Return what a torch operator makes of values and constants: a value again, to be returned or to be used further.

    Of constants alone it makes a constant. The `shape` of a value, without the batch, is asked of torch if it is not
    given, which takes constants for numbers.

    Raises:
        UnsupportedOpError: no rule is known for the operator, or its rule refuses.
    """
    given = [*arguments], keywords
    if not any(isinstance(one, Value) for one in tree_iter(given)):
        return Stored(Computed(operator, arguments, keywords), shape_of(operator, *given))
    if operator not in RULES:
        raise UnsupportedOpError(f"it stands for {operator}, which has no rule")
    if shape is None:
        shape = shape_of(operator, *given)[1:]
    found = RULES[operator](*arguments, **keywords, shape=shape)
    if not isinstance(found, Lowered):
        return found
    recipe = replace(resolved(found, {}), shape=shape)
    return Inner(-1, shape, recipe)


def shape_of(operator: Any, arguments: list[Any], keywords: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of what a torch operator returns, the batch counted."""
    return tuple(operator(*tree_map(example, arguments), **tree_map(example, keywords)).shape)


def example(argument: object) -> object:
    """Return a tensor of an operand's shape without contents, with a batch of 2; other arguments as they are."""
    if isinstance(argument, Value):
        return torch.empty(2, *argument.shape, device="meta")
    return torch.empty(argument.shape, device="meta") if isinstance(argument, Stored) else argument


def resolved(recipe: Lowered, known: dict[int, Lowered]) -> Lowered:
    """Return a recipe whose operands are values of the graph or other recipes."""
    if id(recipe) not in known:
        inputs = tuple(
            resolved(one, known) if isinstance(one, Lowered) else one.recipe if isinstance(one, Inner) else one
            for one in recipe.inputs
        )
        same = all(new is old for new, old in zip(inputs, recipe.inputs, strict=True))
        known[id(recipe)] = recipe if same else replace(recipe, inputs=inputs)
    return known[id(recipe)]


def composed(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule that may answer with what `call` returned, alone or in a list."""

    @wraps(rule)
    def unwrapped(*arguments: Any, **keywords: Any) -> Any:
        found = rule(*arguments, **keywords)
        several = found if isinstance(found, list) else [found]
        known: dict[int, Lowered] = {}
        recipes = [one.recipe if isinstance(one, Inner) else one for one in several]
        recipes = [resolved(one, known) if isinstance(one, Lowered) else one for one in recipes]
        return recipes if isinstance(found, list) else recipes[0]

    return unwrapped


def multiplied(first: Value, second: Value, left: str, right: str, out: str) -> Value:
    """Return the sum over products of two values, by the letters of their dimensions and of the result's.

    The batch has no letter. A dimension of size 1 that the other operand has larger is left out.

    Raises:
        UnsupportedOpError: an operand has a dimension that neither the other one has nor the result.
    """
    sizes: dict[str, int] = {}
    for letters, value in ((left, first), (right, second)):
        for letter, size in zip(letters, value.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    left, right = (
        "".join(letter for letter, size in zip(letters, value.shape, strict=True) if size == sizes[letter])
        for letters, value in ((left, first), (right, second))
    )
    if (
        len({*left}) < len(left)
        or len({*right}) < len(right)
        or not {*left} ^ {*right} <= {*out}
        or not {*out} <= {*left, *right}
    ):
        raise UnsupportedOpError("it sums an operand alone, or takes its diagonal: do that in an operation of its own")
    make = partial(Bilinear, Contraction(left, right, out, tuple(sizes.items())))
    both = call(aten.cat.default, [call(aten.flatten.using_ints, value, 1) for value in (first, second)], 1)
    shape = tuple(sizes[letter] for letter in out)
    return Inner(-1, shape, resolved(Lowered(make, (both,), shape=shape), {}))


def gathered(z: Value, dims: Sequence[int]) -> Value:
    """Return a value with some of its dimensions, counting the batch, joined as the last one.

    Raises:
        UnsupportedOpError: the batch is one of them.
    """
    ndim = len(z.shape) + 1
    dims = sorted(dim % ndim for dim in dims) or list(range(ndim))
    if dims[0] == 0:
        raise UnsupportedOpError("it combines the examples of a batch: name the dimensions, without the first")
    order = [dim for dim in range(ndim) if dim not in dims] + dims
    return call(aten.flatten.using_ints, call(aten.permute.default, z, order), ndim - len(dims))


def shaped(z: Value, shape: Sequence[int]) -> Value:
    """Return a value in another shape, without the batch."""
    return call(aten.reshape.default, z, [-1, *shape])


def enlarged(z: Value, shape: tuple[int, ...]) -> Value:
    """Return a value, enlarged to a shape as broadcasting does."""
    return z if z.shape == shape else call(aten.expand.default, z, [-1, *shape])
