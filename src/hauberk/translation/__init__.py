"""From programs that torch exported to graphs."""

from hauberk.translation.attention import batch_first_attention
from hauberk.translation.recurrence import unrolled_recurrence
from hauberk.translation.translation import translated

__all__ = ["batch_first_attention", "translated", "unrolled_recurrence"]
