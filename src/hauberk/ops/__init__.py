"""Operators, one per file: importing this package imports every file in it, which fills the lowering registry."""

from importlib import import_module
from pkgutil import iter_modules

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")
