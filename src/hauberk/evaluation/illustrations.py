"""Material for a report besides the numbers: layers and examples."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from jaxtyping import Int
from safetensors.torch import save_file
from torch import Tensor

from hauberk.atomic import replacing, write_text
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import NOT_APPLICABLE
from hauberk.evaluation.layers import layer_states
from hauberk.evaluation.records import read_records
from hauberk.evaluation.shard import Shard
from hauberk.verification.by_bound import ByBound


def write_layers(
    folder: Path, subject: AttackableSubject, data: Split, threat: ThreatModel, verifiers: Sequence[Verifier], size: int
) -> None:
    """Write the neurons' states according to the last bounding verifier, if network and set can be bounded.

    They are those around the first 200 inputs, so many of them at once as `size` says.
    """
    bounding = [verifier for verifier in verifiers if isinstance(verifier, ByBound)]
    x, _ = data.batch(shown := slice(0, 200))
    S = threat.select(shown, data.inputs.shape).at(x.to(next(subject.module.parameters(), x).device))
    if bounding and isinstance(subject.captured, Graph):
        with suppress(*NOT_APPLICABLE):
            states = layer_states(subject.captured, S.cover(), bounding[-1], size)
            write_text(folder / "layers.json", json.dumps(states, indent=1))


def write_examples(
    folder: Path,
    subject: AttackableSubject,
    data: Split,
    threat: ThreatModel,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    count: int,
    seed: int,
    size: int,
) -> None:
    """Write a few examples with the attacks' answers, half of them broken if there are enough."""
    records = read_records(folder / "records")
    correct = records.filter(records["prediction"] == records["label"])
    broken = correct.filter(correct["broken_by"].is_not_null())["index"].to_list()
    held = correct.filter(correct["broken_by"].is_null())["index"].to_list()
    chosen = broken[: count // 2]
    chosen = torch.tensor(chosen + held[: count - len(chosen)], dtype=torch.long)
    illustrate(folder, subject, data, threat, attacks, chosen, seed, size)


def illustrate(
    folder: Path,
    subject: AttackableSubject,
    data: Split,
    threat: ThreatModel,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    chosen: Int[Tensor, "m"],
    seed: int,
    size: int,
) -> None:
    """Write the chosen examples with the attacks' answers, if there are any; at most `size` are attacked at once."""
    if not len(chosen) or not attacks:
        return
    shards = [Shard.of(subject, threat, data, some, seed) for some in chosen.split(size)]
    for shard in shards:
        for name, attack in attacks.items():
            shard.attack(name, attack)
    write_strip(folder, subject, [(shard, torch.arange(len(shard.y), device=shard.y.device)) for shard in shards])


def write_answers(folder: Path, subject: AttackableSubject, shards: Sequence[Shard], count: int) -> None:
    """Write a few of the examples of shards with the answers of attacks, half of them broken if there are enough."""
    found: dict[bool, list[tuple[Shard, int]]] = {True: [], False: []}
    for shard in shards:
        right = (shard.prediction == shard.y).tolist()
        for position, by in enumerate(shard.counterexamples.by):
            if right[position]:
                found[by is not None].append((shard, position))
    broken = found[True][: count // 2]
    chosen = broken + found[False][: count - len(broken)]
    write_strip(folder, subject, [(shard, torch.tensor([own], device=shard.y.device)) for shard, own in chosen])


def write_strip(folder: Path, subject: AttackableSubject, parts: Sequence[tuple[Shard, Int[Tensor, "k"]]]) -> None:
    """Write examples, by their positions in shards, with their counterexamples."""
    if not parts:
        return
    tensors: dict[str, list[Tensor]] = {}
    for shard, own in parts:
        adversarial = shard.S.select(own).decode(shard.counterexamples.points[own])
        with torch.no_grad():
            predictions = subject.predict(adversarial)
        found = {
            "inputs": shard.x[own],
            "adversarial": adversarial,
            "labels": shard.y[own],
            "clean_predictions": shard.prediction[own],
            "adversarial_predictions": predictions,
            "index": shard.index[own],
        }
        for name, tensor in found.items():
            tensors.setdefault(name, []).append(tensor.detach().cpu())
    with replacing(folder / "examples.safetensors") as temporary:
        save_file({name: torch.cat(those).contiguous() for name, those in tensors.items()}, temporary)
