"""Small boxes around adversarial points."""

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import UnsupportedSetError
from hauberk.sets.box_set import BoxSet


def small_box(S: PerturbationSet, z: Float[Tensor, "b *z"], share: float) -> BoxSet:
    """Return boxes whose sides are a share of the set's, centred as near to z as fits within the set.

    Raises:
        UnsupportedSetError: the set is not a box.

    Source: Mueller et al. 2023, section 3.
    """
    if not isinstance(S, BoxSet):
        raise UnsupportedSetError(f"small boxes are cut out of boxes, but the set is a {type(S).__name__}.")
    reach = S.box.radius * share
    center = z.clamp(S.box.lower + reach, S.box.upper - reach)
    return BoxSet(center, S.radius * share, Box.around(center, reach), S.within)
