"""Networks: their layers and settings and, apart from these, their weights."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn.parameter import is_lazy

from hauberk.identity import digests
from hauberk.identity.objects import lasting
from hauberk.identity.parts import Parts

OF_EVERY_MODULE = frozenset(vars(nn.Module()))
"""Attributes of every module: mode, weights, layers, hooks."""
LEVELS = 5
"""The depth of nested objects in a module's attributes that count by their content."""
MARKS = re.compile("__.*__|_is_torch_compile|_compiled_call_impl|_torchdynamo.*")
"""Attributes that torch leaves in a module that was scripted or compiled."""


@dataclass(frozen=True)
class Structure:
    """A network without the values of its parameters and buffers.

    Args:
        module: the network, or a layer of one.
        constants: whether the values of tensors count that are neither, but plain attributes. Some are settings, others
            follow from the weights or are left by the last pass.
    """

    module: nn.Module
    constants: bool = False

    @property
    def mark(self) -> tuple[object, ...]:
        """Marks of the network, the same for every structure of it."""
        return Structure, id(self.module), self.constants


def network_parts(module: nn.Module) -> Parts:
    """Return a network's structure and weights; compilation and training mode do not count."""
    module = uncompiled(module)
    held = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    kept = dict(held) | module.state_dict()
    weights = {name: kept[name] for name in sorted(kept)}
    return Parts(type(module), {"structure": Structure(module, constants=True), "weights": weights})


def structure_parts(structure: Structure) -> Parts:
    """Return a layer's settings, the shapes of its weights, its inner layers, and hooks that may change its output.

    Settings are its attributes: `extra_repr` leaves some out. What there is in them that has no content, a lock or the
    like, counts by its class alone.
    """
    module = uncompiled(structure.module)
    if isinstance(module, torch.jit.ScriptModule):
        return Parts(module.original_name, script_parts(module), LEVELS)
    traced = isinstance(module, GraphModule)
    settings = {"code": module.code} if traced else lasting(module, vars(module))
    tensors = {**module._parameters, **module._buffers}
    shown = {id(tensor) for tensor in tensors.values()} if structure.constants else None
    derived = (
        "_" if type(module).__module__.startswith("torch.") else " "
    )  # torch's private attributes follow from others
    content: dict[str, object] = {
        name: shapes(value, shown)
        for name, value in settings.items()
        if name not in OF_EVERY_MODULE and not MARKS.fullmatch(name) and not name.startswith(derived)
    }
    content |= shapes(tensors)
    for name, layer in module._modules.items():
        content[name] = None if layer is None else replace(structure, module=layer)
    content["(order)"] = [*module._modules, *module._parameters]  # which layers run, and optimizers read, in
    if hooks := [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]:
        content["(hooks)"] = hooks
    return Parts("GraphModule" if traced else type(module), content, LEVELS)


def shapes(value: Any, those: Collection[int] | None = None) -> Any:
    """Return a value with its tensors, all or those with some addresses, replaced by their types and shapes."""
    if isinstance(value, Tensor) and (those is None or id(value) in those):
        return "no shape yet" if is_lazy(value) else digests.kind(value)
    if isinstance(value, nn.Module) and those is None:
        return Structure(value)
    if type(value) is dict:
        return {name: shapes(part, those) for name, part in value.items()}
    if type(value) is list or type(value) is tuple:
        return [shapes(part, those) for part in value]
    return value


def uncompiled(module: nn.Module) -> nn.Module:
    """Return the module inside a compiled one."""
    return getattr(module, "_orig_mod") if type(module).__name__ == "OptimizedModule" else module  # noqa: B009


def script_parts(module: torch.jit.ScriptModule) -> dict[str, object]:
    """Return the code of a scripted module, without paths and mangled class names, and the values that it reads."""
    graph: Any = module.inlined_graph
    read = sorted({str(node.s("name")) for node in graph.findAllNodes("prim::GetAttr")})
    found: dict[str, object] = {}
    for place, layer in module.named_modules():
        code, constants = layer.code_with_constants if hasattr(layer, "forward") else ("", None)
        own = dict(layer.named_parameters(recurse=False)) | dict(layer.named_buffers(recurse=False))
        within = own | dict(layer.named_children())
        settings = {name: getattr(layer, name) for name in read if hasattr(layer, name) and name not in within}
        settings |= shapes(own) | {"code": re.sub(r"__torch__\.[\w.]*\.", "", code)}
        settings |= {"constants": constants.const_mapping} if constants else {}
        found[place or "forward"] = settings
    return found
