"""Whether several processes can share the statistics of each pass."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from hauberk.concepts.attack import Attack
from hauberk.errors import InputError


def require_steady(*parts: object) -> None:
    """Refuse parts of a training whose attacks make more passes in one process than in another: each would wait.

    Raises:
        InputError: an attack is not steady.
    """
    for attack in attacks_in(parts):
        if not attack.steady:
            raise InputError(
                f"shared_statistics needs attacks that pass the network equally often in every process, but "
                f"{type(attack).__name__} stops when examples are broken: stop_when_broken=False where it has that."
            )


def attacks_in(part: object) -> Iterator[Attack]:
    """Yield the attacks that an object holds, not those within attacks."""
    if isinstance(part, Attack):
        yield part
    elif isinstance(part, tuple | list):
        for item in part:
            yield from attacks_in(item)
    elif is_dataclass(part):
        for field in fields(part):
            yield from attacks_in(getattr(part, field.name))
