"""Networks as graphs of operators."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Computed, Constants
from hauberk.concepts.op import Elementwise, Op
from hauberk.errors import UnsupportedOpError
from hauberk.kernels.gradients import ordinary_mode
from hauberk.kernels.spectral_norms import iterate


@dataclass(frozen=True)
class FrozenNode:
    """A named operator with its tensors, and the values it reads: 0 is the input, i the result of the i-th node."""

    name: str
    op: Op
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class FrozenGraph:
    """A network as a function of its input alone, as bound methods read it. The last node gives the logits."""

    nodes: tuple[FrozenNode, ...]
    """The operators, in the order of execution."""
    shapes: tuple[tuple[int, ...], ...]
    """The shape of every value, without the batch; shapes[0] is the input's."""

    def __call__(self, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        return self.values(x)[-1]

    def values(self, x: Float[Tensor, "b *x"]) -> list[Tensor]:
        """Return every value at x, the input first and the logits last."""
        values = [x]
        for node in self.nodes:
            values.append(node.op(*(values[i] for i in node.inputs)))
        return values

    def folded(self) -> "FrozenGraph":
        """Return a faster graph, diagonal nodes merged into affine ones; rounding allowances need the unmerged one."""
        nodes: list[FrozenNode] = []
        shapes, place = [self.shapes[0]], {0: 0}
        for index, node in enumerate(self.nodes, start=1):
            inputs = tuple(place[i] for i in node.inputs)
            before = nodes[-1] if nodes and inputs == (len(nodes),) and self.readers[node.inputs[0]] == 1 else None
            merged = None
            if before is not None and isinstance(before.op, Affine) and isinstance(node.op, Diagonal):
                merged = before.op.then(node.op)
            if before is not None and merged is not None:
                nodes[-1] = FrozenNode(node.name, merged, before.inputs)
            else:
                nodes.append(FrozenNode(node.name, node.op, inputs))
                shapes.append(self.shapes[index])
            place[index] = len(nodes)
        return FrozenGraph(tuple(nodes), tuple(shapes))

    def after(self, index: int) -> "FrozenGraph":
        """Return the network after a value as its function; UnsupportedOpError if it also reads earlier values."""
        nodes = self.nodes[index:]
        for node in nodes:
            if min(node.inputs, default=index) < index:
                raise UnsupportedOpError(
                    f"the network cannot be cut in two before {node.name}, which reads a value from before the cut; "
                    "cut it elsewhere."
                )
        moved = (FrozenNode(node.name, node.op, tuple(i - index for i in node.inputs)) for node in nodes)
        return FrozenGraph(tuple(moved), self.shapes[index:])

    def loose(self, index: int, box: Box) -> Bool[Tensor, "b *z"]:
        """Return a mask of the elements of a value with this box that are relaxed by a node that reads it."""
        found = torch.zeros_like(box.lower, dtype=torch.bool)
        for node in self.nodes:
            if index in node.inputs and not isinstance(node.op, Affine):
                found = found | node.op.loose(box)
        return found

    @cached_property
    def readers(self) -> Counter[int]:
        """The number of times each value is read."""
        return Counter(i for node in self.nodes for i in node.inputs)

    def merged(self, index: int) -> tuple[int, ...]:
        """Return the affine values that rows reach only through an element-wise node; past a diagonal one, the next."""
        node = self.nodes[index - 1]
        if not isinstance(node.op, Elementwise | Diagonal) or self.readers[read := node.inputs[0]] > 1:
            return ()
        return (read, *self.merged(read)) if read and isinstance(self.nodes[read - 1].op, Affine) else ()

    @cached_property
    def first_mixing(self) -> frozenset[int]:
        """The values computed by the first operator on their path that combines several inputs in one element."""
        return frozenset(
            self.mixed_once - self.unmixed - {i for i in self.mixed_once if self.copies(i, self.mixed_once)}
        )

    @cached_property
    def unmixed(self) -> frozenset[int]:
        """The values whose elements each depend on a single input element, no two on the same one."""
        found = {0}
        for index in range(1, len(self.shapes)):
            if self.copies(index, found):
                found.add(index)
        return frozenset(found)

    @cached_property
    def mixed_once(self) -> frozenset[int]:
        """The values in which inputs are mixed at most once: exact boxes of the first mixing give exact boxes."""
        found = set(self.unmixed)
        for index, node in enumerate(self.nodes, start=1):
            if self.copies(index, found) or (len(node.inputs) == 1 and node.inputs[0] in self.unmixed):
                found.add(index)
        return frozenset(found)

    def copies(self, index: int, known: Collection[int]) -> bool:
        """Return True if a value is computed element by element from one of the `known` ones."""
        node = self.nodes[index - 1] if index else None
        return node is not None and node.op.one_to_one and len(node.inputs) == 1 and node.inputs[0] in known

    @cached_property
    def relaxed(self) -> tuple[int, ...]:
        """The values that non-affine nodes read, in order: their bounds determine how tight the relaxations are."""
        return tuple(sorted({i for node in self.nodes if not isinstance(node.op, Affine) for i in node.inputs}))


@dataclass(frozen=True)
class Node:
    """An operator whose tensors are named, not held: they are read from the module at every run."""

    name: str
    """The node's name in messages."""
    part: str
    """The path of the submodule whose mode decides whether the operator observes a training pass; "" is the root."""
    make: Callable[..., Op]
    """The function that builds the operator from its tensors."""
    inputs: tuple[int, ...]
    """The values it reads: as in `FrozenNode`."""
    tensors: tuple[str | Tensor | Computed | None, ...]
    """Names of the module's parameters and buffers, constants, or what is computed from these."""


@dataclass(frozen=True)
class Graph:
    """A captured network: immutable, reads the module's live parameters, callable like the module itself."""

    module: nn.Module
    """The network that was captured."""
    nodes: tuple[Node, ...]
    """The operators, in the order of execution."""
    shapes: tuple[tuple[int, ...], ...]
    """The shape of every value, without the batch; shapes[0] is the input's."""

    def __call__(self, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        return self.module(x)

    @property
    def classes(self) -> int:
        """The number of logits."""
        return self.shapes[-1][0]

    @ordinary_mode()  # what operators are made of, gradients may pass later
    def frozen(self, dtype: torch.dtype | None = None) -> FrozenGraph:
        """Return the network in eval mode (running statistics); copied, and rounded, only if `dtype` differs."""
        stored: dict[str, Tensor] = dict(self.module.named_parameters(remove_duplicate=False))
        stored |= dict(self.module.named_buffers(remove_duplicate=False))
        like = next((t for t in stored.values() if t.is_floating_point()), torch.empty(0))
        like = torch.empty(0, dtype=dtype or like.dtype, device=like.device)
        constants = Constants(stored, like.device)
        constants.compute(t for node in self.nodes for t in node.tensors)
        read = [[t if t is None else constants.tensor(t).to(like) for t in node.tensors] for node in self.nodes]
        made = (FrozenNode(n.name, n.make(*tensors), n.inputs) for n, tensors in zip(self.nodes, read, strict=True))
        return FrozenGraph(tuple(made), self.shapes)

    def run(self, x: Float[Tensor, "b *x"]) -> tuple[Float[Tensor, "b classes"], FrozenGraph]:
        """Run one pass, each part in its own mode; return the logits, and the graph as that pass fixed it."""
        values, graph = self.observed(x)
        return values[-1], graph

    def observed(self, x: Float[Tensor, "b *x"]) -> tuple[list[Tensor], FrozenGraph]:
        """Return all values of a pass as in `run`, the input first, and the graph as that pass fixed it."""
        iterate(self.module)
        return self.passed(x, self.frozen())

    def fixed(self, x: Float[Tensor, "b *x"]) -> tuple[Float[Tensor, "b classes"] | None, FrozenGraph]:
        """Return the same as `run`, but no logits if the graph depends on no pass, which is then not made."""
        iterate(self.module)
        frozen = self.frozen()
        pairs = zip(self.nodes, frozen.nodes, strict=True)
        if not any(f.op.observes and self.module.get_submodule(node.part).training for node, f in pairs):
            return None, frozen
        values, graph = self.passed(x, frozen)
        return values[-1], graph

    def passed(self, x: Float[Tensor, "b *x"], graph: FrozenGraph) -> tuple[list[Tensor], FrozenGraph]:
        """Return all values of a pass, and the graph as it fixed it."""
        # Batch norms in training mode use this batch's statistics, through which gradients flow, and update their
        # running statistics once; dropout in training mode raises an UnsupportedOpError.
        values, nodes = [x], []
        for node, frozen in zip(self.nodes, graph.nodes, strict=True):
            operands = [values[i] for i in node.inputs]
            op = frozen.op.observe(*operands) if self.module.get_submodule(node.part).training else frozen.op
            nodes.append(FrozenNode(node.name, op, node.inputs))
            values.append(op(*operands))
        return values, FrozenGraph(tuple(nodes), self.shapes)
