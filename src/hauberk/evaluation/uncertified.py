"""Examples that a stage of a cascade leaves to the next one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxtyping import Int
from torch import Tensor

from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.evaluation.sharded import sharded
from hauberk.propagation.prediction import Answering
from hauberk.verification import detect


def uncertified(
    stage: Answering,
    threat: ThreatModel,
    verifier: Verifier,
    data: Split,
    index: Int[Tensor, "n"],
    folder: Path,
    size: int,
    watch: Callable[[int, int], None],
) -> Int[Tensor, "m"]:
    """Return those of the indexed examples on whose sets the stage's prediction is not proven constant.

    Labels play no part. Records go to `folder`, `size` examples per shard; existing shards are kept.

    Raises:
        InputError: an input is outside the threat's range, or the folder holds records of something else.
        UnsupportedOpError, UnsupportedSetError: the verifier raises it.
    """
    device = next(stage.module.parameters(), data.labels).device
    plan = {"network": stage.module if isinstance(stage, Graph) else stage, "threat": threat, "verifier": verifier}

    def judge(x: Tensor, some: Tensor) -> dict[str, Any]:
        found = detect(stage, threat.select(some, data.inputs.shape).at(x.to(device)), verifier)
        return {"prediction": found.label.tolist(), "certified": found.certificate.verified.tolist()}

    records = sharded(folder, plan, data, index, size, judge, watch)
    return index[~records["certified"].to_torch()]
