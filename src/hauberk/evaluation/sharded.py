"""Records of chosen examples, in shards that survive a kill."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from jaxtyping import Int
from torch import Tensor

from hauberk.atomic import replacing
from hauberk.concepts.dataset import Split
from hauberk.evaluation.records import read_records
from hauberk.identity import claim


def sharded(
    folder: Path,
    plan: Mapping[str, object],
    data: Split,
    index: Int[Tensor, "n"],
    size: int,
    judge: Callable[[Tensor, Tensor], dict[str, Any]],
    watch: Callable[[int, int], None],
) -> pl.DataFrame:
    """Return one record per example; shards already in the folder are kept.

    Args:
        folder: receives the shards.
        plan: identifies what the records belong to, besides the data and the shard size.
        data: the split.
        index: the positions of the examples in the split, increasing.
        size: examples per shard.
        judge: returns further columns for a batch of inputs and their positions.
        watch: called with the numbers of finished and of all examples.

    Raises:
        InputError: the folder holds the records of another plan, and the message says what differs.
    """
    claim(folder, {**plan, "inputs": data.inputs, "labels": data.labels, "index": index, "shard": size})
    done = 0
    for number, some in enumerate(index.split(size)):
        file = folder / "records" / f"{number * size:09d}.parquet"
        if not file.exists():
            began = time.monotonic()
            x, y = data.batch(some)
            columns = {"index": some.tolist(), "label": y.tolist(), **judge(x, some)}
            columns["seconds"] = [(time.monotonic() - began) / len(some)] * len(some)
            with replacing(file) as temporary:
                pl.DataFrame(columns).write_parquet(temporary)
        done += len(some)
        watch(done, len(index))
    return read_records(folder / "records")
