"""Functions: named ones by their names, others by their code and the values that they capture."""

import dis
from collections.abc import Iterator
from functools import lru_cache, partial
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import torch

from hauberk.identity.names import full_name
from hauberk.identity.parts import Leaf, Parts, UnidentifiableError

NAMED = (MethodDescriptorType, WrapperDescriptorType)
BOUND = (BuiltinFunctionType, MethodWrapperType)
CACHED = type(lru_cache(len))


def function_parts(value: object) -> Parts | Leaf | None:
    """Return what identifies a function, method, partial function or code; None for anything else.

    The name of a function of a module or class stands for it, whatever its code, as a class's name does. Lambdas and
    nested functions have no unique name: their instructions, the values that these read, and their defaults count.
    """
    if isinstance(value, partial):
        return Parts("partial", {"function": value.func, "arguments": value.args, "keywords": value.keywords})
    if isinstance(value, MethodType):
        return Parts("method", {"function": value.__func__, "of": value.__self__})
    if isinstance(value, CACHED):
        return Parts("cached", {"function": value.__wrapped__})
    if isinstance(value, BOUND) and not isinstance(value.__self__, ModuleType | None):
        return Parts(f"method {value.__name__}", {"of": value.__self__})
    if isinstance(value, torch.jit.ScriptFunction):
        return Parts("script", {"code": value.code, "constants": script_constants(value.inlined_graph)})
    if isinstance(value, CodeType):
        return Parts("code", code_parts(value))
    if isinstance(value, FunctionType) and (inner := vars(value).get("_torchdynamo_orig_callable")):
        return function_parts(inner)  # a compiled function is what was compiled
    if isinstance(value, FunctionType) and ("<" in value.__qualname__ or value.__closure__):
        return Parts(f"function {full_name(value)}", surroundings(value))
    return Leaf(f"function {full_name(value)}") if isinstance(value, (FunctionType, *NAMED, *BOUND)) else None


def surroundings(function: FunctionType) -> dict[str, object]:
    """Return the code of a lambda or nested function, and everything that it captures or reads."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    try:
        captured = {name: cell.cell_contents for name, cell in cells}
    except ValueError as error:
        raise UnidentifiableError("a function that captures a variable without a value yet") from error
    read = {
        name: function.__globals__[name] for name in global_names(function.__code__) if name in function.__globals__
    }
    content = {"captured": captured | read, "defaults": function.__defaults__, "options": function.__kwdefaults__}
    return {"code": function.__code__, **{name: value for name, value in content.items() if value}}


def script_constants(graph: Any) -> list[torch.Tensor]:
    """Return the tensors that TorchScript's code refers to by numbers alone."""
    nodes = (node for node in graph.findAllNodes("prim::Constant") if node.hasAttribute("value"))
    return [node.t("value") for node in nodes if node.kindOf("value") == "t"]


def code_parts(code: CodeType) -> dict[str, object]:
    """Return the content of a code object, without line numbers."""
    counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
    return {
        "constants": code.co_consts,
        "names": code.co_names,
        "instructions": code.co_code + code.co_exceptiontable,
        "arguments": counts,
    }


def global_names(code: CodeType) -> Iterator[str]:
    """Yield the names of the global variables that a code object or one nested in it reads, in order."""
    yield from sorted({str(step.argval) for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"})
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from global_names(constant)
