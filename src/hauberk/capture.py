"""Capture of a torch module as a graph of operators, by torch.export."""

import inspect

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export.graph_signature import InputKind
from torch.fx import Node as ExportNode

import hauberk.ops  # noqa: F401  (fills the registry)
from hauberk.concepts.graph import Graph, Node
from hauberk.concepts.lowering import REFUSALS, RULES, Lowered, Stored, Value
from hauberk.errors import CaptureError, UnsupportedOpError
from hauberk.kernels.full_precision import full_precision

ALIASES = {"view", "reshape", "flatten", "unflatten", "permute", "transpose", "squeeze", "unsqueeze", "contiguous"}
ALIASES |= {"slice", "select", "narrow", "expand", "expand_as", "movedim", "mT", "channel_shuffle"}
ALIASES |= {"alias", "detach", "dropout", "feature_dropout"}  # dropout does nothing in eval mode
"""Operators that may return their operand's own memory."""


@full_precision()
def capture(module: nn.Module, example: Float[Tensor, "b *x"]) -> Graph:
    """Return the module's graph; it reads the module's live parameters and accepts every batch size.

    The module is captured in eval mode and left in its own mode; graph and module are compared on `example`.

    Raises:
        UnsupportedOpError: the module cannot be exported (control flow that depends on the data, say), uses operators
            without bounds (all are named at once, with their places), or has logits that are not finite.
        CaptureError: the graph does not compute what the module computes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.capture import capture
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))
        >>> graph = capture(network, torch.rand(1, 2))
        >>> graph.shapes
        ((2,), (3,), (3,), (4,))
        >>> graph(torch.rand(5, 2)).shape
        torch.Size([5, 4])
    """
    training = {name: part.training for name, part in module.named_modules()}
    try:
        with torch.no_grad():
            module.eval()
            logits = module(example)
            if not isinstance(logits, Tensor) or logits.ndim != 2:
                raise UnsupportedOpError("the network must return one tensor of logits (b, classes).")
            graph = translated(module, exported(module, example))
            difference = (graph.frozen()(example) - logits).abs().max().item()
    finally:
        for name, part in module.named_modules():
            part.training = training[name]
    if not logits.isfinite().all():
        raise UnsupportedOpError("the network's logits are not finite on the example.")
    if not difference <= 1e-4 * max(logits.abs().max().item(), 1):
        said = f"on the example, the network and its graph differ by {difference:.3g}. If it draws random numbers or "
        raise CaptureError(f"{said}depends on more than its input, nothing is provable: evaluate it by attacks alone.")
    return graph


def exported(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """Export the module for any batch size, or raise with torch's reason."""
    two = example if len(example) > 1 else torch.cat([example, example])  # torch takes a batch size of 1 for a constant
    try:
        return torch.export.export(module, (two,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},), strict=False)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnsupportedOpError(
            f"the network cannot be captured by torch.export: {reason}\nIt must be a fixed computation for every batch "
            "size: no control flow that depends on the data, no reshape that fixes the batch. Attacks still work on it."
        ) from error


def translated(module: nn.Module, program: torch.export.ExportedProgram) -> Graph:
    """Return the graph of an exported program, or raise with everything in it that has no rule."""
    known: dict[str, Value | Stored] = {}
    shapes: list[tuple[int, ...]] = []
    nodes: list[Node] = []
    faults: dict[str, str] = {}
    signature = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    batch = ""
    for node in program.graph.nodes:
        if node.op == "placeholder":
            spec, sizes = signature[node.name], node.meta["val"].shape
            if spec.kind is InputKind.USER_INPUT:
                batch, shape = str(sizes[0]), tuple(sizes[1:])
                known[node.name] = Value(0, shape)
                shapes.append(shape)
            else:
                constant = program.constants.get(str(spec.target)) if spec.kind is InputKind.CONSTANT_TENSOR else None
                stored = str(spec.target) if constant is None else torch.as_tensor(constant)
                known[node.name] = Stored(stored, tuple(sizes))
        elif node.op == "call_function" and node.target is not torch.ops.aten.sym_size.int:
            shape = tuple(getattr(node.meta["val"], "shape", ())[1:])
            try:
                require_batch_first(node, batch)
                lowered = lower(node, known, shape)
            except UnsupportedOpError as error:
                faults[node.name] = f"  {node.target} at {place(node) or node.name}: {error}"
                lowered = Value(-1, shape)  # stands in, so that the faults behind it are found too
            if isinstance(lowered, Lowered):
                inputs = tuple(value.index for value in lowered.inputs)
                tensors = tuple(stored and stored.tensor for stored in lowered.tensors)
                nodes.append(Node(place(node) or node.name, place(node), lowered.make, inputs, tensors))
                shapes.append(shape)
                lowered = Value(len(nodes), shape)
            known[node.name] = lowered
    if faults:
        raise UnsupportedOpError(
            "no bounds are known for:\n" + "\n".join(faults.values()) + f"\nBounded are: {', '.join(covered())}."
        )
    logits = known.get(str(next(iter(program.graph_signature.user_outputs))))
    if not isinstance(logits, Value):
        raise UnsupportedOpError("the logits do not depend on the input.")
    return Graph(module, tuple(nodes[: logits.index]), tuple(shapes[: logits.index + 1]))


def lower(node: ExportNode, known: dict[str, Value | Stored], shape: tuple[int, ...]) -> Lowered | Value | Stored:
    """Apply the registered rule of one exported operator."""
    rule = RULES.get(functional(node))
    if rule is None:
        raise UnsupportedOpError(REFUSALS.get(node.target, "no rule"))
    arguments = [operand(argument, known) for argument in node.args]
    keywords = {name: operand(argument, known) for name, argument in node.kwargs.items()}
    listed = [one for item in arguments if isinstance(item, list) for one in item]
    if any(isinstance(item, Value) and item.index < 0 for item in (*arguments, *listed, *keywords.values())):
        return Value(-1, shape)
    try:
        inspect.signature(rule).bind(*arguments, **keywords, shape=shape)
    except TypeError as error:
        raise UnsupportedOpError(f"with these arguments: {error}") from error
    return rule(*arguments, **keywords, shape=shape)


def operand(argument: object, known: dict[str, Value | Stored]) -> object:
    """Return what an argument of an exported operator stands for."""
    if isinstance(argument, list):  # of tensors to join, or of sizes, among which the batch's stays as it is
        return [known.get(item.name, item) if isinstance(item, ExportNode) else item for item in argument]
    if not isinstance(argument, ExportNode):
        return argument
    if argument.name not in known:
        raise UnsupportedOpError("it computes with the size of the batch")
    return known[argument.name]


def functional(node: ExportNode) -> object:
    """Return the operator of a node; for an in-place one its functional twin, if nothing else reads the old value.

    Raises:
        UnsupportedOpError: the overwritten value, or a value that it is an alias of, is read elsewhere or is the input.
    """
    name = aten_name(node)
    if not overwrites(name):
        return node.target
    overwritten = node.args[0]
    while isinstance(overwritten, ExportNode):
        if overwritten.op == "placeholder" or len(overwritten.users) > 1:
            raise UnsupportedOpError(f"it overwrites {overwritten.name}, which is read elsewhere: use {name[:-1]}")
        made_by = aten_name(overwritten)
        overwritten = overwritten.args[0] if made_by in ALIASES or overwrites(made_by) else None
    twin = getattr(torch.ops.aten, name[:-1], None)
    return getattr(twin, str(node.target).split(".")[2], None)


def aten_name(node: ExportNode) -> str:
    """Return "relu_" for torch's own operators, "" for others."""
    parts = str(node.target).split(".")
    return parts[1] if parts[0] == "aten" else ""


def overwrites(name: str) -> bool:
    """Return whether the name is that of an in-place operator."""
    return name.endswith("_") and not name.endswith("__")


def require_batch_first(node: ExportNode, batch: str) -> None:
    """Raise unless a result's first dimension is the batch: rows of a bound would be given to the wrong example."""
    sizes = getattr(node.meta["val"], "shape", None)
    if sizes is None:
        raise UnsupportedOpError(REFUSALS.get(node.target, "it returns no single tensor"))
    if not len(sizes) or str(sizes[0]) != batch or not all(isinstance(size, int) for size in sizes[1:]):
        raise UnsupportedOpError(f"its result has sizes {tuple(map(str, sizes))}: only the first may be the batch")
    if len(sizes) == 1:
        raise UnsupportedOpError("its result is one number per example: keep a dimension (keepdim=True, x[:, :1])")


def place(node: ExportNode) -> str:
    """Return the path of the submodule that a node belongs to: "features.0"; "" at top level."""
    stack = node.meta.get("nn_module_stack") or {}
    return next(reversed(stack.values()), ("", ""))[0]


def covered() -> list[str]:
    """Return the names of the torch operators that have a rule."""
    return sorted({str(operator).split(".")[1] for operator in RULES})
