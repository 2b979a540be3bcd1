"""Weights & Biases."""

from pathlib import Path
from typing import Any

from hauberk.watching.scalar_watcher import ScalarWatcher, imported


class WeightsAndBiases(ScalarWatcher):
    """A watcher that sends scalars to Weights & Biases, which needs the extra `wandb`.

    It begins a run of theirs for each variant, all in one group. Neither code, nor what is printed, nor the state of a
    repository is sent; their client adds the names of installed packages and figures of the machine, and takes its
    login and whether to send at all from its own settings (WANDB_MODE=offline sends nothing).

    Args:
        project: the name of their project.
        name: the name of the run; None: they choose one.
        folder: receives the client's files; None: the working folder.

    Raises:
        InputError: their client is not installed.
    """

    def __init__(self, project: str, name: str | None = None, folder: Path | str | None = None) -> None:
        super().__init__()
        self.project, self.name = project, name
        self.folder = None if folder is None else str(folder)
        self.client = imported("wandb", "wandb")

    def begin(self, variant: str, step: int) -> Any:
        name = "-".join(filter(None, [self.name, variant])) or None
        settings = {"console": "off", "disable_git": True, "save_code": False}
        return self.client.init(project=self.project, name=name, group=self.name, dir=self.folder, settings=settings)

    def draw(self, drawing: Any, scalars: dict[str, float], step: int) -> None:
        drawing.log(scalars, step=step)

    def end(self, drawing: Any) -> None:
        drawing.finish()
