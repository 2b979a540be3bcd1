"""Bounds of single neurons by backward passes: rows only for neurons that intervals leave unstable."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass, replace
from math import prod

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.rows import Rows
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.progress import report
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.groups import grouped


def tightened(
    backward: BackwardPass, index: int, budget: int, wanted: Bool[Tensor, "b *z"], *, frugal: bool = False
) -> Box:
    """Return the box of a value after the wanted neurons have been bounded by backward passes.

    `budget` is passed to `by_groups`. With `frugal`, intermediate results of a group of examples are recomputed for
    gradients instead of stored.
    """
    box = backward.boxes[index]
    counts = wanted.flatten(1).sum(1).tolist()  # the only question to the device that all the rest needs
    if not any(counts):
        return box
    owner, neuron = torch.nonzero_static(wanted.flatten(1), size=sum(counts)).unbind(1)

    def bounds(part: BackwardPass, owner: Tensor, neuron: Tensor, limit: int) -> Float[Tensor, "r 2"]:
        """Return lower and upper bounds of the neurons."""
        return Units(part, index, limit).bounds(owner, neuron)

    lower, upper = by_groups(backward, index, budget, bounds, counts, owner, neuron, frugal=frugal).unbind(1)
    return box.intersect(replaced(box, owner, neuron, lower, upper))


def margins(backward: BackwardPass, spec: LinearSpec, budget: int) -> Float[Tensor, "b k"]:
    """Return a lower bound of every row of a specification of the logits.

    Raises:
        ShapeError: the specification is not one of these examples and logits.
    """
    spec.require_fit(len(backward.boxes[0].lower), *backward.graph.shapes[-1])
    at = len(backward.graph.nodes)
    owner = torch.arange(len(spec.rows), device=spec.rows.device).repeat_interleave(spec.rows.shape[1])

    def bounds(part: BackwardPass, owner: Tensor, rows: Tensor, constant: Tensor, limit: int) -> Float[Tensor, "r"]:
        """Return lower bounds of the rows, `limit` at a time."""
        chunks = zip(owner.split(limit), rows.split(limit), constant.split(limit), strict=True)
        return torch.cat([part.lower(Rows(row, own), at, offset) for own, row, offset in chunks])

    given = spec.rows.flatten(0, 1), spec.offset.flatten()
    counts = [spec.rows.shape[1]] * len(spec.rows)
    return by_groups(backward, at, budget, bounds, counts, owner, *given).view(spec.offset.shape)


def by_groups(
    backward: BackwardPass,
    index: int,
    budget: int,
    bounds: Callable[..., Tensor],
    counts: Sequence[int],
    owner: Int[Tensor, "r"],
    *given: Float[Tensor, "r ..."] | Int[Tensor, "r"],
    frugal: bool = False,
) -> Float[Tensor, "r ..."]:
    """Return bounds(part, owner, *given, limit), joined over groups of examples, which own `counts` rows, in order.

    A pass holds about four tensors of its rows at once, which for `limit` rows fit into `budget` bytes; the tables of
    the group's examples come on top.
    """
    width = max(prod(shape) for shape in backward.graph.shapes[: index + 1])
    limit = max(1, budget // (4 * width * backward.boxes[0].lower.element_size()))
    groups = list(grouped(counts, limit))
    if len(groups) == 1:
        return bounds(backward, owner, *given, limit)
    rows = [sum(counts[group]) for group in groups]
    owners = [part - group.start for part, group in zip(owner.split(rows), groups, strict=True)]
    parts = [t.split(rows) for t in given]
    # Boxes are split, not sliced, so that their gradients are joined only once.
    sizes = [group.stop - group.start for group in groups]
    boxes = [(box.lower.split(sizes), box.upper.split(sizes)) for box in backward.boxes[: index + 1]]

    def group_bounds(number: int) -> Tensor:
        """Return the bounds of one group of examples."""
        report(named(backward.graph, index), sum(rows[:number]), len(owner))
        own = [Box(lower[number], upper[number]) for lower, upper in boxes]  # nothing cached, as in the graph
        examples = torch.arange(groups[number].start, groups[number].stop, device=owner.device)
        S, slopes = backward.S.select(examples), backward.slopes and backward.slopes.select(examples)
        graph = repeatable(backward.graph) if frugal else backward.graph
        part = BackwardPass(graph, S, own, slopes, outward=backward.outward)
        return bounds(part, owners[number], *(t[number] for t in parts), limit)

    numbers = range(len(groups))
    found = [checkpoint(group_bounds, n, use_reentrant=False) if frugal else group_bounds(n) for n in numbers]
    return torch.cat(found)  # pyright: ignore[reportArgumentType, reportCallIssue]


def named(graph: FrozenGraph, index: int) -> str:
    """Return what a pass bounds, for those who wait for it."""
    return f"bounds of {graph.nodes[index - 1].name} ({index} of {len(graph.nodes)})"


def repeatable(graph: FrozenGraph) -> FrozenGraph:
    """Return the graph with operators that have cached nothing: a checkpoint must repeat all that it did at first."""
    ops = (replace(node.op) if is_dataclass(node.op) else node.op for node in graph.nodes)
    nodes = (replace(node, op=op) for node, op in zip(graph.nodes, ops, strict=True))
    return replace(graph, nodes=tuple(nodes))


@dataclass(frozen=True)
class Units:
    """The neurons of one value.

    Args:
        backward: the pass that bounds them.
        index: the index of the value in the graph.
        limit: the largest number of rows per pass.
    """

    backward: BackwardPass
    index: int
    limit: int

    @property
    def waits(self) -> bool:
        """True if choosing among the neurons makes the processor wait for their device."""
        return self.backward.boxes[self.index].lower.device.type != "cpu"

    def bounds(self, owner: Int[Tensor, "r"], neuron: Int[Tensor, "r"]) -> Float[Tensor, "r 2"]:
        """Return lower and upper bounds.

        Two-sided passes bound a neuron by one row. Others try the side nearer to zero first: it shows most neurons to
        need no relaxation, hence no second row; their other bound is infinite. On accelerators, where asking which
        these are takes longer than bounding them, both rows go together.
        """
        if self.backward.two_sided:
            return torch.cat([self.both(*part) for part in self.chunks(owner, neuron)])
        box = self.backward.boxes[self.index]
        sign = torch.where(box.center.detach().flatten(1)[owner, neuron] > 0, 1.0, -1.0).to(box.lower)
        if self.waits:
            twice = owner.repeat(2), neuron.repeat(2), torch.cat([sign, -sign])
            near, far = torch.cat([self.one(*part) for part in self.chunks(*twice)]).chunk(2)
            far = far.where(self.loose(owner, neuron, sign, near), -torch.inf)
            return torch.stack(sides(sign, near, far), 1)
        near = torch.cat([self.one(*part) for part in self.chunks(owner, neuron, sign)])
        far = torch.full_like(near, -torch.inf)
        left = self.loose(owner, neuron, sign, near).nonzero()[:, 0]
        if len(left):
            rest = [self.one(*part) for part in self.chunks(owner[left], neuron[left], -sign[left])]
            far = far.index_put((left,), torch.cat(rest))
        return torch.stack(sides(sign, near, far), 1)

    def loose(self, owner: Tensor, neuron: Tensor, sign: Tensor, near: Tensor) -> Bool[Tensor, "r"]:
        """Return a mask of the neurons that lower bounds of sign * neuron leave to be relaxed."""
        box, far = self.backward.boxes[self.index], torch.full_like(near, -torch.inf)
        half = box.intersect(replaced(box, owner, neuron, *sides(sign, near.detach(), far)))
        return self.backward.graph.loose(self.index, half).flatten(1)[owner, neuron]

    def both(self, owner: Tensor, neuron: Tensor) -> Float[Tensor, "r 2"]:
        """Return lower and upper bounds from one two-sided pass."""
        return torch.stack(self.backward.range(self.rows(owner, neuron), self.index), 1)

    def one(self, owner: Tensor, neuron: Tensor, sign: Tensor) -> Float[Tensor, "r"]:
        """Return lower bounds of sign * neuron."""
        rows = self.rows(owner, neuron)
        signed = rows.values * sign.view(-1, *(1,) * (rows.values.ndim - 1))
        return self.backward.lower(rows.with_values(signed, rows.window), self.index)

    def rows(self, owner: Tensor, neuron: Tensor) -> Rows:
        """Return the rows that select the neurons."""
        like = self.backward.boxes[self.index].lower.detach()
        return Rows.units(owner, neuron, self.backward.graph.shapes[self.index], like)

    def chunks(self, *given: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Yield the tensors in chunks of `limit` rows."""
        for number, parts in enumerate(zip(*(t.split(self.limit) for t in given), strict=True)):
            report(named(self.backward.graph, self.index), number * self.limit, len(given[0]))
            yield parts


def sides(sign: Tensor, near: Tensor, far: Tensor) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Return lower and upper bounds, given lower bounds of sign * neuron and of -sign * neuron."""
    positive = sign > 0
    return torch.where(positive, near, far), -torch.where(positive, far, near)


def replaced(box: Box, owner: Tensor, neuron: Tensor, lower: Float[Tensor, "r"], upper: Float[Tensor, "r"]) -> Box:
    """Return the box with new bounds for some of its elements."""
    ends = (box.lower, lower), (box.upper, upper)
    return Box(*(end.flatten(1).index_put((owner, neuron), new).view_as(end) for end, new in ends))
