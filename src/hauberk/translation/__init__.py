"""From programs that torch exported to graphs."""

from hauberk.translation.translation import translated

__all__ = ["translated"]
