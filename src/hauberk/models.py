"""Networks named on the command line: a Python file and a name in it, an importable name, or an exported program."""

import inspect
import sys
import traceback
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile, is_zipfile

import torch
from torch import nn

from hauberk.errors import InputError

WAYS = "a Python file and a name in it (net.py:MyCNN), an importable name (package.module:MyCNN) or a file.pt2"


def load_model(source: str, *, allow_code: bool = False) -> nn.Module:
    """Return the network that a text names; a class or a function is called without arguments.

    Naming a file or a module of Python runs its code. A file.pt2 may run code as well, which nobody sees in it.

    Args:
        source: what names the network.
        allow_code: load a file.pt2, because the user trusts it.

    Raises:
        InputError: there is no such network, it needs arguments, its code fails, or the file is of another kind; the
            message says what to do.
    """
    path = Path(source)
    if path.suffix == ".pt2":
        return exported(path, allow_code)
    if path.suffix in (".onnx", ".pt", ".pth", ".safetensors") or (source and path.is_dir()):
        raise InputError(f"{source} {why_not(path)}: name {WAYS}.")
    place, colon, name = source.rpartition(":")
    if not colon:
        place, _, name = source.rpartition(".")
    if path.suffix == ".py" or not place or not name.isidentifier():
        raise InputError(f"{source!r} names no network: name {WAYS}.")
    found = getattr(module_at(place), name, None)
    if found is None:
        raise InputError(f"{place} has no {name!r}: it has {', '.join(candidates(module_at(place))) or 'no network'}.")
    return made(found, source)


def module_at(place: str) -> ModuleType:
    """Return the module in a file, or of an importable name.

    Raises:
        InputError: there is none, or its code fails; the message says where.
    """
    file, writes = Path(place), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # the user's folder stays as it is
    sys.path.insert(0, str(file.parent.resolve() if file.suffix == ".py" else Path.cwd()))  # what it imports
    try:
        if file.suffix != ".py":
            return import_module(place)
        if file.stem in sys.modules and getattr(sys.modules[file.stem], "__file__", None) == str(file.resolve()):
            return sys.modules[file.stem]
        spec = spec_from_file_location(file.stem, file.resolve())
        if spec is None or spec.loader is None or not file.is_file():
            raise InputError(f"there is no file {place}: name {WAYS}.")
        module = sys.modules[file.stem] = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except InputError:
        raise
    except ModuleNotFoundError as error:
        raise InputError(f"importing {place} failed: {error}. Install it, or name its folder in PYTHONPATH.") from error
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(
            f"importing {place} failed with {type(error).__name__}: {error} (line {at.lineno} of {at.filename})."
        ) from error
    finally:
        sys.dont_write_bytecode = writes
        sys.path.pop(0)


def candidates(module: ModuleType) -> list[str]:
    """Return the names of a module's own networks."""
    own = inspect.getmembers(module, lambda one: inspect.isclass(one) and issubclass(one, nn.Module))
    return [name for name, kind in own if kind.__module__ == module.__name__]


def made(found: object, source: str) -> nn.Module:
    """Return a network: what was found, or what it gives when called.

    Raises:
        InputError: it is none, or needs arguments.
    """
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise InputError(f"{source} is a {type(found).__name__}, no network: name {WAYS}.")
    try:
        network = found()
    except TypeError as error:
        raise InputError(
            f"{source} cannot be called without arguments ({error}): name a function that returns the network."
        ) from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{source} gives a {type(network).__name__}, no torch module.")
    return network


def exported(path: Path, allow_code: bool) -> nn.Module:
    """Return the network in a file that torch.export.save wrote.

    Raises:
        InputError: it is not trusted, or damaged.
    """
    if not allow_code:
        raise InputError(f"{path}: a .pt2 file may run code when it is read: if you trust it, say --allow-code.")
    try:
        return torch.export.load(path).module()
    except Exception as error:  # torch raises any kind for a file that is none of its own
        raise InputError(f"{path} is no program that this version of torch can read: {str(error)[:200]}") from error


def why_not(path: Path) -> str:
    """Return why a file or folder is no network."""
    if path.is_dir():
        return "is a folder"
    if not path.exists():
        return "is missing"
    if path.suffix == ".onnx":
        return "is an ONNX file, which is not read yet"
    if is_zipfile(path) and any("/code/" in name for name in ZipFile(path).namelist()):
        return "is a TorchScript archive, which cannot be bounded: take the module that it was made from"
    return f"holds weights, not the network that they belong to (--weights {path})"
