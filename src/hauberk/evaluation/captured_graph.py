"""The graph of a network that is to be judged, or why it has none."""

from torch import Tensor, nn

from hauberk.capture import capture
from hauberk.concepts.graph import Graph
from hauberk.errors import CaptureError, UnsupportedOpError


def captured(network: nn.Module, example: Tensor) -> Graph | UnsupportedOpError:
    """Return the network's graph, or the reason why there is none: attacks and black-box verifiers do without."""
    try:
        return capture(network, example)
    except UnsupportedOpError as error:
        return error
    except CaptureError as error:  # it draws random numbers, say
        return UnsupportedOpError(str(error))
