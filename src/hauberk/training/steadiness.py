"""Check that several processes can share the statistics of each pass."""

from hauberk.concepts.attack import Attack
from hauberk.errors import InputError
from hauberk.training.parts import parts


def require_steady(*held_by: object) -> None:
    """Raise if an attack may call a network more often in one process than in another, which would wait for it.

    Raises:
        InputError: an attack is not steady.
    """
    for attack in parts(Attack, held_by):
        if not attack.steady:
            raise InputError(
                f"shared_statistics needs attacks that pass the network equally often in every process, but "
                f"{type(attack).__name__} stops when examples are broken: stop_when_broken=False where it has that."
            )
