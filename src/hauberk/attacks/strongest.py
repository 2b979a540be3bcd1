"""Several attacks, each on the examples that those before it left."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import InputError
from hauberk.searches.combination import in_turn


@dataclass(frozen=True)
class Strongest(Attack):
    """The per-example worst case over several attacks; a broken example leaves, so cheap, strong attacks come first.

    Every attack gets the noise that it would get alone, so that neither order nor names affect which examples are
    broken, and no fewer are than by any one of the attacks. Attacks that do not apply are left out, with a warning. To
    see every attack on every example, evaluate them one by one.

    Args:
        attacks: the attacks, in the order in which they run, each under its own name.

    Raises:
        InputError: there are no attacks.
    """

    attacks: Mapping[str, Attack]

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("an ensemble needs at least one attack, but has none.")

    @property
    def outdone(self) -> tuple[Attack, ...]:
        return tuple(self.attacks.values())

    @property
    def black_box(self) -> bool:
        return all(attack.black_box for attack in self.attacks.values())

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        def attempt(name: str, remaining: PerturbationSet, left: Int[Tensor, "s"]) -> Float[Tensor, "s *z"]:
            return self.attacks[name](network, remaining, y[left], noise=noise.select(left))

        return in_turn({name: partial(attempt, name) for name in self.attacks}, network, S, y)
