"""The check that proofs and counterexamples agree."""

from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from hauberk.atomic import replacing
from hauberk.errors import SoundnessError
from hauberk.evaluation.shard import Shard


def require_agreement(shard: Shard, evidence: Path) -> None:
    """Raise if an example is proven with certainty and misclassified where it is proven, and keep the evidence.

    Proofs that may fail are overturned instead: records name proof and attack, radius and distance, and nothing is
    certified.

    Args:
        shard: a batch of examples with its proofs and counterexamples.
        evidence: the folder that receives input, label and counterexample.

    Raises:
        SoundnessError: the message names the example, the proof and the attack.
    """
    for position, said, point in contradictions(shard):
        index = int(shard.index[position])
        file = evidence / f"contradiction-{index}.safetensors"
        tensors = {"input": shard.x[position], "label": shard.y[position]}
        if point is not None:
            tensors["counterexample"] = point
        with replacing(file) as temporary:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary)
        raise SoundnessError(f"example {index} is {said}: a bug in one of them. Please report it with {file}.")


def contradictions(shard: Shard) -> Iterator[tuple[int, str, Tensor | None]]:
    """Yield the positions of contradictions, what they consist in, and the points.

    A point is None if it was found at a larger radius, and not kept.
    """
    proofs, found = shard.proofs, shard.counterexamples
    for position, (proof, attack) in enumerate(zip(proofs.by, found.by, strict=True)):
        if proof is not None and attack is not None and proofs.sure[position]:
            point = found.points[position] if found.answered[position] else None
            yield position, f"proven by {proof} and broken by {attack}", point
    for position in proofs.radii.contradicted(found.distance).tolist():
        proof, attack = proofs.radii.by[position], found.nearest_by[position]
        radius, distance = proofs.radii.sure(position), float(found.distance[position])
        said = f"proven within {radius:.6g} by {proof} and misclassified at {distance:.6g} by {attack or 'an attack'}"
        yield position, said, None if attack is None else found.nearest[position]
