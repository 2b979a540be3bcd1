"""TensorBoard."""

from pathlib import Path
from typing import Any

from hauberk.watching.scalar_watcher import ScalarWatcher, imported


class TensorBoard(ScalarWatcher):
    """A watcher that writes event files for TensorBoard, which needs the extra `tensorboard`.

    A training run that goes on replaces what was written of the steps that it takes again.

    Args:
        folder: receives the files, those of variants in folders of their names.

    Raises:
        InputError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path | str) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.board = imported("torch.utils.tensorboard", "tensorboard")

    def begin(self, variant: str, step: int) -> Any:
        return self.board.SummaryWriter(str(self.folder / variant), purge_step=step)

    def draw(self, drawing: Any, scalars: dict[str, float], step: int) -> None:
        for name, value in scalars.items():
            drawing.add_scalar(name, value, step)

    def end(self, drawing: Any) -> None:
        drawing.close()
