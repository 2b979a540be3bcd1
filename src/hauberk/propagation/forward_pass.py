"""Linear bounds carried forward: every value of a graph as a centre plus generators."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.relaxation import Relaxation
from hauberk.concepts.rounding import rounding_factor, summed, underflow, underflows
from hauberk.errors import UnsupportedOpError
from hauberk.propagation.forward_box import forward_box


@dataclass(frozen=True)
class Form:
    """One value over the whole set: the centre plus a combination of generators, up to an error.

    A block holds the images of generators with a common origin: those of the input (key 0), those of the relaxation
    at a node (its index), or random combinations of them. Blocks with the same key add up where paths meet.

    Args:
        center: the centre.
        blocks: the generators, in blocks of k by their keys.
        error: the largest rounding error of each element; None if it is not tracked.
    """

    center: Float[Tensor, "b *z"]
    blocks: dict[int, Float[Tensor, "b k *z"]]
    error: Float[Tensor, "b *z"] | None = None


class Carrier(ABC):
    """The choice of the generators that are carried: all of them, or random projections."""

    @abstractmethod
    def start(self) -> Form:
        """Return the input's form."""

    @abstractmethod
    def noise(self, index: int, half: Float[Tensor, "b *z"]) -> dict[int, Float[Tensor, "b k *z"]]:
        """Return the block of one new generator per element, of length `half` in that element and 0 elsewhere."""

    def relaxed(
        self, blocks: dict[int, Float[Tensor, "b k *z"]], lines: Relaxation, half: Float[Tensor, "b *out"], index: int
    ) -> dict[int, Float[Tensor, "b k *out"]]:
        """Return the blocks after a node's relaxation: multiplied by its slope, plus the generators that it adds."""
        found = {key: lines.push(block) for key, block in blocks.items()}
        for key, block in self.noise(index, half).items():
            found[key] = found[key] + block if key in found else block
        return found

    @abstractmethod
    def magnitude(self, form: Form) -> Float[Tensor, "b *z"]:
        """Return |center| plus the absolute values of all generators."""


@dataclass
class ForwardPass:
    """A pass of forms through a graph, given boxes of the values that are relaxed on the way.

    Forms pass affine nodes exactly, and element-wise nodes by a slope that both lines share; the gap between the lines
    becomes a new generator. A value's form is dropped once its last reader has run.

    Args:
        graph: the network.
        boxes: the boxes of the values, the input first; the list may still grow.
        carrier: the choice of generators.
        outward: True to track rounding errors.
        forms: the forms still needed, by the index of their value; filled by the pass.
    """

    graph: FrozenGraph
    boxes: Sequence[Box]
    carrier: Carrier
    outward: bool
    forms: dict[int, Form] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start = self.carrier.start()
        self.forms[0] = replace(start, error=torch.zeros_like(start.center)) if self.outward else start
        self.last = {i: index for index, node in enumerate(self.graph.nodes, start=1) for i in node.inputs}

    def advance(self, index: int) -> Form:
        """Compute, keep and return the form of the value at `index`; all before it must have been computed."""
        node = self.graph.nodes[index - 1]
        operands = [self.forms[i] for i in node.inputs]
        if isinstance(node.op, Affine):
            form = self.mapped(node.op, operands)
        elif isinstance(node.op, Relaxable):
            form = self.relaxed(node.op, operands[0], self.boxes[node.inputs[0]], index)
        else:
            raise UnsupportedOpError(f"no parallel relaxation is known for {node.name} ({type(node.op).__name__}).")
        self.forms[index] = form
        for i in {i for i in node.inputs if self.last[i] == index}:
            del self.forms[i]
        return form

    def mapped(self, op: Affine, operands: list[Form]) -> Form:
        """Return the form after an affine op."""
        center = op(*(form.center for form in operands))
        keys = sorted({key for form in operands for key in form.blocks})
        blocks = {key: pushed(op, [(form.center, form.blocks.get(key)) for form in operands]) for key in keys}
        return Form(center, blocks, self.charged(op, operands))

    def charged(self, op: Affine, operands: list[Form]) -> Float[Tensor, "b *z"] | None:
        """Return the operands' errors carried through the op, plus the op's own in this pass and in the network's."""
        errors = [form.error for form in operands if form.error is not None]
        if not errors:
            return None
        magnitudes = [self.carrier.magnitude(form) for form in operands]
        numbers, least, sizes = self.numbers(operands), underflow(errors[0].dtype), [summed(m) + 1 for m in magnitudes]
        error = op.carried([error + per_example(numbers, error) * least for error in errors], magnitudes, sizes)
        return error + underflows(op.roundings + 8, sizes, error) * per_example(numbers, error)

    def numbers(self, operands: list[Form]) -> Float[Tensor, "b"]:
        """Return the count of numbers that make up an element, those that multiply the input as often as it is large.

        An underflow in any of them counts.
        """
        return self.boxes[0].size + sum(block.shape[1] for form in operands for block in form.blocks.values())

    def relaxed(self, op: Relaxable, form: Form, box: Box, index: int) -> Form:
        """Return the form after the parallel relaxation of an op."""
        lines = op.relax_parallel(box)
        low = 0 if lines.lower_intercept is None else lines.lower_intercept
        half = (lines.upper_intercept - low) * 0.5
        center = lines.push(form.center.unsqueeze(1)).squeeze(1) + (lines.upper_intercept + low) * 0.5
        blocks = self.carrier.relaxed(form.blocks, lines, half, index)
        error = form.error
        if error is not None:
            size = self.carrier.magnitude(form)
            terms, numbers = lines.magnitude(size), per_example(self.numbers([form]), center)
            share = 2 * rounding_factor(op.roundings + 8, terms.dtype)
            error = lines.absolute(error) + terms * share
            error = error + underflows(8, [summed(size), summed(lines.steepest) + 1], error) * numbers
        return Form(center, blocks, error)


def pushed(op: Affine, operands: list[tuple[Tensor, Tensor | None]]) -> Float[Tensor, "b k *z"]:
    """Return a block's image under the linear part of an op; operands without the block count as zero."""
    k = next(block.shape[1] for _, block in operands if block is not None)
    given = [c.new_zeros(len(c), k, *c.shape[1:]) if block is None else block for c, block in operands]
    return op.linear(*(block.flatten(0, 1) for block in given)).unflatten(0, (-1, k))


def forward_boxes(
    graph: FrozenGraph, S: CertifiableSet, carrier: Carrier, bound: Callable[[Form, Box, Tensor], Box], *, outward: bool
) -> list[Box]:
    """Return the boxes of all values: interval steps, tightened by `bound` for values that a node relaxes.

    `bound` takes the value's form, its (sound) interval box, and a mask of the elements whose bounds matter.
    """
    boxes = [S.bounding_box()]
    forward = ForwardPass(graph, boxes, carrier, outward)
    for index in range(1, len(graph.shapes)):
        boxes.append(forward_box(graph, S, boxes, outward=outward))
        if index <= max(graph.relaxed, default=0):
            form = forward.advance(index)
            if index in graph.relaxed and index not in graph.mixed_once:
                boxes[index] = bound(form, boxes[index], graph.loose(index, boxes[index]))
    return boxes
