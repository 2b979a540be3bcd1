"""Watchers that draw the scalars of training."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from hauberk.errors import InputError

Record = dict[str, Any]
W = TypeVar("W", bound="ScalarWatcher")


class ScalarWatcher(ABC):
    """A watcher that draws the scalars of training by step, those of each variant of a recipe apart.

    It takes records as the journal of a training run has them: mappings with a "step", a "kind", and any numbers. What
    it draws with may fail, as a network does: it then warns once and draws no more, and training goes on. As a context
    manager it closes at the end of the block.
    """

    def __init__(self) -> None:
        self.variant = ""
        self.drawing: Any = None
        """The present drawing; None before the first record."""
        self.failed = False

    @abstractmethod
    def begin(self, variant: str, step: int) -> Any:
        """Return what a variant's scalars are drawn on, from a step on; the recipe itself has no name."""

    @abstractmethod
    def draw(self, drawing: Any, scalars: dict[str, float], step: int) -> None:
        """Draw some scalars at a step."""

    @abstractmethod
    def end(self, drawing: Any) -> None:
        """Write or send what is not yet, and close the drawing."""

    def __call__(self, record: Record) -> None:
        if self.failed:
            return
        variant, step = record.get("variant", ""), record["step"]
        with self.outlived():
            if self.drawing is None or variant != self.variant:
                self.close()
                self.variant, self.drawing = variant, self.begin(variant, step)
            self.draw(self.drawing, scalars(record), step)

    def close(self) -> None:
        """Close what is drawn on."""
        drawing, self.drawing = self.drawing, None
        with self.outlived():
            if drawing is not None:
                self.end(drawing)

    def __enter__(self: W) -> W:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def outlived(self) -> Iterator[None]:
        """Let training outlive what fails in the block."""
        try:
            yield
        except Exception as error:
            self.failed = True
            said = f"{type(self).__name__} failed and draws no more; training goes on: {type(error).__name__}: {error}"
            warnings.warn(said, stacklevel=4)


def scalars(record: Record) -> dict[str, float]:
    """Return the numbers of a record by kind and name, as in "epoch/robust"; what is unknown is left out."""
    kind, left_out = record.get("kind", "step"), ("step", "steps")
    numbers = {key: value for key, value in record.items() if isinstance(value, int | float) and key not in left_out}
    return {f"{kind}/{key}": float(value) for key, value in numbers.items()}


def together(*watchers: Callable[[Record], None]) -> Callable[[Record], None]:
    """Return a watcher that passes every record to each of several."""

    def watch(record: Record) -> None:
        for watcher in watchers:
            watcher(record)

    return watch


def imported(module: str, extra: str) -> ModuleType:
    """Return a module of an optional package.

    Raises:
        InputError: it is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"{extra} cannot be imported ({error}): pip install 'hauberk[{extra}]'.") from error
