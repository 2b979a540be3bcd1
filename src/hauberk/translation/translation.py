"""The graph of an exported program."""

import operator
from typing import cast

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node as ExportNode

from hauberk.concepts.graph import Graph, Node
from hauberk.concepts.lowering import Computed, Lowered, Result, Stored, Value
from hauberk.errors import UnsupportedOpError
from hauberk.translation.constants import PER_EXAMPLE, Unshared, constant, depends_on_input, independent
from hauberk.translation.overwriting import Memory, overwrites
from hauberk.translation.rules import Known, covered, listed, lower, part_of, require_batch_first, rule_of, stacked


def translated(module: nn.Module, program: ExportedProgram) -> Graph:
    """Return the graph of an exported program, or raise with everything in it that has no rule."""
    translation = Translation(program)
    translation.read_inputs()
    for node in program.graph.nodes:
        if node.op not in ("placeholder", "output") and node in translation.memory.needed:
            translation.add(node)
    if translation.faults:
        raise UnsupportedOpError(
            "no bounds are known for:\n" + "\n".join(translation.faults) + f"\nBounded are: {', '.join(covered())}."
        )
    logits = translation.known[translation.memory.result.name]
    if not isinstance(logits, Value):
        raise UnsupportedOpError("the logits do not depend on the input.")
    shapes = translation.shapes[: logits.index + 1]
    return Graph(module, tuple(translation.nodes[: logits.index]), tuple(shapes))


class Translation:
    """A graph under construction, node by node.

    Args:
        program: the exported program.
    """

    def __init__(self, program: ExportedProgram) -> None:
        self.program = program
        results = {node.name: node for node in program.graph.nodes}
        self.memory = Memory(program.graph, results[str(next(iter(program.graph_signature.user_outputs)))])
        self.known: dict[str, Known] = {}
        self.shapes: list[tuple[int, ...]] = []
        self.nodes: list[Node] = []
        self.faults: list[str] = []
        self.placed: dict[int, tuple[Lowered, Value]] = {}
        held = program.state_dict | program.constants  # where buffers are that state dictionaries leave out
        self.state = {name: tensor for name, tensor in held.items() if isinstance(tensor, Tensor)}
        self.batch = ""

    def read_inputs(self) -> None:
        """Take the input, and the module's tensors, as known."""
        signature = {spec.arg.name: spec for spec in self.program.graph_signature.input_specs}
        for node in self.program.graph.find_nodes(op="placeholder"):
            spec, sizes = signature[node.name], node.meta["val"].shape
            if spec.kind is InputKind.USER_INPUT:
                self.batch, shape = str(sizes[0]), tuple(sizes[1:])
                self.known[node.name] = Value(0, shape)
                self.shapes.append(shape)
            else:
                name = str(spec.target)
                lifted = spec.kind is InputKind.CONSTANT_TENSOR
                self.known[node.name] = Stored(self.state[name] if lifted else name, tuple(sizes))

    def add(self, node: ExportNode) -> None:
        """Translate a node, or note why it cannot be."""
        if node.target is torch.ops.aten.sym_size.int:
            return
        try:
            self.known[node.name] = self.result(node)
        except UnsupportedOpError as error:
            self.faults.append(f"  {node.target} at {part_of(node) or node.name}: {error}")
            self.known[node.name] = unknown(node)  # stands in, so that the faults behind it are found too

    def result(self, node: ExportNode) -> Known:
        """Return what a node computes."""
        operands = [one for given in node.all_input_nodes for one in listed(self.known.get(given.name))]
        if node.target is operator.getitem:
            found, place = listed(self.known[str(node.args[0])]), cast(int, node.args[1])
            if place >= len(found):
                raise UnsupportedOpError("only the first results of this operator are bounded")
            return found[place]
        rows = stacked(node, self.known)
        if rows is not None:
            return rows
        if independent(node, self.known):
            return self.constant(node)
        if any(isinstance(one, Unshared) for one in operands):
            raise UnsupportedOpError(PER_EXAMPLE)
        require_batch_first(node, self.batch)
        rule = rule_of(self.memory.functional(node))
        if any(isinstance(one, Value) and one.index < 0 for one in operands):
            return unknown(node)
        values = node.meta["val"]
        shapes = [tuple(value.shape[1:]) for value in listed(values)]
        shape = shapes if isinstance(values, list | tuple) else shapes[0]
        found = lower(rule, node, self.known, shape)
        placed = [self.place(one, shape, node) for one, shape in zip(listed(found), shapes, strict=False)]
        return placed if isinstance(values, list | tuple) else placed[0]

    def constant(self, node: ExportNode) -> Known:
        """Return what a node computes from constants alone; what it overwrites is known by its new value from then on.

        Raises:
            UnsupportedOpError: it overwrites what the module holds, or what an operator of the graph has read.
        """
        found = constant(node, self.known, self.batch, self.state)
        if overwrites(node):
            overwritten = self.memory.aliases(node)
            readers = [reader for alias in overwritten for reader in alias.users if reader.name in self.known]
            read = any(depends_on_input(self.known[reader.name]) for reader in readers)
            if read or any(alias.op == "placeholder" for alias in overwritten):
                raise UnsupportedOpError(f"it overwrites {node.args[0]}, which is read elsewhere: overwrite a clone")
            for alias in overwritten:
                old = [overwritten_by(one, found) for one in listed(self.known[alias.name])]
                self.known[alias.name] = old if isinstance(self.known[alias.name], list) else old[0]
        return found

    def place(self, found: Result, shape: tuple[int, ...], node: ExportNode) -> Value | Stored:
        """Append the nodes of a recipe, those first that it reads; return the value that it computes."""
        if not isinstance(found, Lowered):
            return found
        if id(found) not in self.placed:
            inputs = tuple(self.inner(one, node) for one in found.inputs)
            tensors = tuple(stored and stored.tensor for stored in found.tensors)
            self.nodes.append(Node(part_of(node) or node.name, part_of(node), found.make, inputs, tensors))
            self.shapes.append(shape if found.shape is None else found.shape)
            self.placed[id(found)] = (found, Value(len(self.nodes), self.shapes[-1]))
        return self.placed[id(found)][1]

    def inner(self, found: Lowered | Value, node: ExportNode) -> int:
        """Return the index of the value that a recipe reads."""
        if isinstance(found, Value):
            return found.index
        if found.shape is None:
            raise TypeError(f"the rule of {node.target} must state the shape of a recipe inside another.")
        return cast(Value, self.place(found, found.shape, node)).index


def overwritten_by(old: Stored, new: Known) -> Stored:
    """Return a constant as it is once another overwrote its memory."""
    return Stored(Computed(lambda old, new: old, (old, new)), old.shape)


def unknown(node: ExportNode) -> Known:
    """Return what stands for the result of a node that has no rule."""
    values = node.meta.get("val")
    found = [Value(-1, tuple(getattr(value, "shape", ()))[1:]) for value in listed(values)]
    return found if isinstance(values, list | tuple) else found[0]
