"""An attack on every member of a union."""

from dataclasses import dataclass
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Natural
from hauberk.searches.combination import in_turn
from hauberk.sets.union_set import members_of


@dataclass(frozen=True)
class EachMember(Attack):
    """An attack on the members of a union in turn; a broken example leaves. Any other set counts as one member.

    Each member is attacked as it would be alone. Members that the attack is not defined for are left out, with a
    warning.

    Args:
        attack: the attack on each member.
        only: the index, from 0, of the only member to attack; None: all members.
    """

    attack: Attack
    only: Natural | None = None

    @staticmethod
    def cases() -> Cases:
        return {"only": [None, 0]}

    @property
    def black_box(self) -> bool:
        return self.attack.black_box

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        def attempt(number: int, remaining: PerturbationSet, left: Int[Tensor, "s"]) -> Float[Tensor, "s *z"]:
            member = members_of(remaining)[number]
            return self.attack(network, member, y[left], noise=noise.select(left))

        numbers = range(len(members_of(S))) if self.only is None else [self.only]
        return in_turn({f"member {number}": partial(attempt, number) for number in numbers}, network, S, y)
