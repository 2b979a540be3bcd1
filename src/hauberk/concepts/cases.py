"""Cases: the arguments with which laws build a class."""

from collections.abc import Mapping, Sequence
from typing import Any

Cases = Mapping[str, Sequence[Any]]
"""Values of constructor arguments that laws try, the ordinary one first.

A class of a concept states them beside its constructor, in a static method `cases`, for arguments whose type does not
say enough: a radius in units of its own, a tensor, a count of iterations that keeps a test short. All others follow
from the annotations: parts from their concepts, switches both ways, defaults. Laws give inputs of shape (1, 4, 4)
within [0, 1] and networks with four classes. A class that belongs to one graph, so that laws cannot build it, says
`cases = None`.
"""
