"""Names of layers, as readers of tables and figures know them."""

from hauberk.concepts.graph import Graph


def layer_name(graph: Graph, value: int) -> str:
    """Return what computes a value: its module's path, with the class where the path ends in a number.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.capture import capture
        >>> from hauberk.propagation.layer_names import layer_name
        >>> graph = capture(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), torch.rand(2, 3))
        >>> layer_name(graph, 0), layer_name(graph, 1)
        ('input', '0 (Linear)')
    """
    if value == 0:
        return "input"
    node = graph.nodes[value - 1]
    numbered = node.part.rpartition(".")[2].isdigit()
    return f"{node.part} ({type(graph.module.get_submodule(node.part)).__name__})" if numbered else node.name
