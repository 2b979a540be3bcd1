import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hauberk.errors import InputError
from hauberk.watching import TensorBoard


def test_scalars_go_to_a_writer_for_each_variant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    told = []

    class SummaryWriter:
        def __init__(self, folder: str, purge_step: int):
            self.name = Path(folder).name
            told.append((self.name, "from", purge_step))

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            told.append((self.name, tag, value, step))

        def close(self) -> None:
            told.append((self.name, "closed"))

    stand_in = SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stand_in)  # pyright: ignore[reportArgumentType]
    with TensorBoard(tmp_path / "board") as board:
        board({"kind": "epoch", "step": 7, "loss": 0.5, "measure": "attacked"})
        board({"kind": "epoch", "step": 1, "loss": 0.25, "variant": "tiny"})
    assert told == [
        *(("board", "from", 7), ("board", "epoch/loss", 0.5, 7), ("board", "closed")),
        *(("tiny", "from", 1), ("tiny", "epoch/loss", 0.25, 1), ("tiny", "closed")),
    ]


def test_without_tensorboard_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"pip install 'hauberk\[tensorboard\]'"):
        TensorBoard(tmp_path)


def test_tensorboard_reads_what_is_written_and_a_resumed_run_has_no_step_twice(tmp_path: Path):
    pytest.importorskip("tensorboard")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for steps in ([1, 2, 3], [2, 3, 4]):  # killed after the third, taken up again after the first
        with TensorBoard(tmp_path) as board:
            for step in steps:
                board({"kind": "step", "step": step, "loss": 10.0 * len(steps) + step})
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("step/loss")] == [(n, 30.0 + n) for n in (1, 2, 3, 4)]
