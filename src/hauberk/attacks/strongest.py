"""Several attacks, each on what those before it left."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import InputError
from hauberk.searches.search import in_turn


@dataclass(frozen=True)
class Strongest(Attack):
    """The per-example worst case over several attacks; a broken example leaves, so cheap killers should come first.

    What is broken does not depend on the order: an attack's noise belongs to its name. To see every attack on every
    example, hand them to the evaluation one by one.

    Args:
        attacks: by names of their own.

    Raises:
        InputError: there is none.
    """

    attacks: Mapping[str, Attack]

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("an ensemble needs at least one attack, but has none.")

    @property
    def black_box(self) -> bool:
        return all(attack.black_box for attack in self.attacks.values())

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        def attempt(name: str, remaining: PerturbationSet, left: Int[Tensor, "s"]) -> Float[Tensor, "s *z"]:
            own = noise.select(left).fold(zlib.crc32(name.encode()))
            return self.attacks[name](network, remaining, y[left], noise=own)

        return in_turn([partial(attempt, name) for name in self.attacks], network, S, y)
