"""Operators that overwrite their operands: which of them matter, and what they overwrite."""

from collections.abc import Collection
from functools import cached_property
from typing import cast

import torch
from torch import Tensor
from torch.fx import Graph, Node

from hauberk.errors import UnsupportedOpError

IDLE = {"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"}
"""Operators that return their operand itself in eval mode, though the exporter's tensors do not show it."""


class Memory:
    """The memory that the values of an exported graph occupy, which views share.

    Args:
        graph: the exported graph.
        result: the node that computes the logits.
    """

    def __init__(self, graph: Graph, result: Node) -> None:
        self.order = {node: position for position, node in enumerate(graph.nodes)}
        self.result = result
        self.held: dict[Node, frozenset[int]] = {}
        shared: dict[int, int] = {}
        for node in graph.nodes:
            value = node.meta.get("val")
            tensors = value if isinstance(value, list | tuple) else [value]
            storages = [storage(t) for t in tensors if isinstance(t, Tensor)]
            if aten_name(node) in IDLE:
                shared |= {storage: min(self.held[node.all_input_nodes[0]]) for storage in storages}
            self.held[node] = frozenset(shared.get(storage, storage) for storage in storages)

    @cached_property
    def needed(self) -> frozenset[Node]:
        """The nodes that the result depends on, those included that overwrite what is read later."""
        found: set[Node] = set()
        waiting = [self.result]
        while waiting:
            while waiting:
                node = waiting.pop()
                if node not in found:
                    found.add(node)
                    waiting += node.all_input_nodes
            late = (node for node in self.order if overwrites(node) and node not in found)
            waiting = [node for node in late if self.readers(node, found)]
        return frozenset(found)

    def aliases(self, node: Node) -> list[Node]:
        """Return the nodes before this one that share its memory."""
        before = list(self.order)[: self.order[node]]
        return [other for other in before if self.held[other] & self.held[node]]

    def readers(self, node: Node, among: Collection[Node]) -> list[Node]:
        """Return the nodes that read, after a node overwrote it, what held its memory before."""
        late = (reader for alias in self.aliases(node) for reader in alias.users if reader in among)
        state = any(alias.op == "placeholder" for alias in self.aliases(node))
        return [reader for reader in late if state or self.order[reader] > self.order[node]]

    def functional(self, node: Node) -> object:
        """Return the operator of a node; for one that overwrites, its functional twin, if nothing reads the old value.

        Raises:
            UnsupportedOpError: something does, or what is overwritten is the module's own, or the input.
        """
        if not overwrites(node):
            return node.target
        name = aten_name(node)
        if self.readers(node, self.needed):
            raise UnsupportedOpError(f"it overwrites {node.args[0]}, which is read elsewhere: use {name[:-1]}")
        return getattr(getattr(torch.ops.aten, name[:-1], None), str(node.target).split(".")[2], None)


def storage(tensor: Tensor) -> int:
    """Return a name of the memory that a tensor of the exporter stands for.

    Raises:
        UnsupportedOpError: it stands for several at once.
    """
    try:
        return cast(int, tensor.untyped_storage()._cdata)
    except NotImplementedError as error:
        raise UnsupportedOpError("torch.vmap hides the batch: call the layers on the batch itself.") from error


def aten_name(node: Node) -> str:
    """Return "relu_" for torch's own operators, "" for others."""
    parts = str(node.target).split(".")
    return parts[1] if parts[0] == "aten" else ""


def overwrites(node: Node) -> bool:
    """Return whether a node overwrites its first operand."""
    name = aten_name(node)
    return name.endswith("_") and not name.endswith("__") and name != "detach_"
