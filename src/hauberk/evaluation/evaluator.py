"""network x threat x attacks x verifiers -> records, in shards that survive a kill."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from hauberk.atomic import replacing, write_text
from hauberk.capture import capture
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import require_labels
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Study
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.evaluation.fingerprint import weights_sha256
from hauberk.evaluation.illustrations import write_examples, write_layers
from hauberk.evaluation.input_checks import require_examples, require_inputs, require_steps
from hauberk.evaluation.isolation import reseed, undisturbed
from hauberk.evaluation.masking import signs_of_masking
from hauberk.evaluation.records import read_records
from hauberk.evaluation.shard import Shard
from hauberk.evaluation.studies import require_names, write_studies
from hauberk.evaluation.summary import Summary, summarised

Watcher = Callable[[str, int, int], None]
"""Is told what is being evaluated, and how many of how many examples are done."""


@dataclass(frozen=True)
class Curve:
    """Accuracies at several radii, with attacks and verifiers of its own; proven examples are not attacked.

    Radii are gone through from the largest to the smallest, and nothing is asked twice, so that accuracies never rise
    with the radius: what no attack broke at a larger radius is not attacked at a smaller one and counts as unbroken
    there; what was broken by a point as near as the smaller radius is broken there (in balls, which have distances);
    what was proven at a larger radius is proven at a smaller one.

    Args:
        radii: multiples of the threat's radius.
        attacks: by the names that records use, cheap ones first.
        verifiers: cheap ones first.
        examples: how many examples, from the first, the curve is computed on.
    """

    radii: Sequence[float]
    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier]
    examples: int = 1000
    undecided: ClassVar[Mapping[str, Attack | MinimumDistanceAttack]] = {}


@dataclass(frozen=True)
class Evaluator:
    """Judges a network against a threat: attacks and verifiers on correctly classified examples, in the order given.

    Attacked accuracy is the per-example worst case: an example counts only if no attack broke it.

    Args:
        attacks: by the names that records use, cheap ones first.
        verifiers: cheap ones first.
        curve: the robustness curve, where one is wanted.
        studies: further questions, by the names that the report shows.
        shard: examples a shard, which is what a kill can lose.
        illustrated: how many examples are kept with their adversarial versions.
        seed: of the attacks' noise.
        undecided: further attacks, for examples that are neither broken nor proven by then: strong and slow ones.
        examples: how many examples, from the first; None: all.
        every_attack: run every attack on every example, broken or not, so that attacks can be compared; by default
            each attacks what those before it left, which is faster and gives the same attacked accuracy.
    """

    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier]
    curve: Curve | None = None
    studies: Mapping[str, Study] = field(default_factory=dict)
    shard: int = 500
    illustrated: int = 10
    seed: int = 0
    undecided: Mapping[str, Attack | MinimumDistanceAttack] = field(default_factory=dict)
    examples: int | None = None
    every_attack: bool = False

    def __post_init__(self) -> None:
        require_names(self.studies)
        if twice := sorted(self.attacks.keys() & self.undecided.keys()):
            raise InputError(f"two attacks of one name would share a column of the records: rename {', '.join(twice)}.")

    @property
    def everything(self) -> dict[str, Attack | MinimumDistanceAttack]:
        """All attacks, by their names."""
        return {**self.attacks, **self.undecided}

    @property
    def asks_for_graph(self) -> bool:
        """Whether anything but attacks, which do without, looks at the network; capturing one takes seconds."""
        return bool(self.verifiers or self.studies or (self.curve and self.curve.verifiers))

    def evaluate(
        self,
        network: nn.Module,
        data: Split,
        threat: ThreatModel,
        folder: Path,
        watch: Watcher = lambda stage, done, total: None,
    ) -> Summary:
        """Evaluate the network in eval mode, write records and summary to `folder`, and return the summary.

        A folder that holds shards of the same evaluation is completed. The network's mode, its parameters' gradients
        and torch's random state are restored.

        Raises:
            InputError: the folder holds another evaluation, the split is empty, an input is NaN or out of range, or a
                label does not fit the network.
            UnsupportedSetError, UnsupportedOpError, ShapeError: none of the attacks applies.
            SoundnessError: an example is proven and broken at once; the evidence is kept in the folder.
        """
        data = data.select(slice(0, self.examples))
        require_examples(data)
        require_inputs(data, threat, self.shard)
        require_steps(data, threat, self.everything.values(), self.shard)
        with undisturbed(network):
            x, _ = data.batch(slice(0, 2))
            x = x.to(next(network.parameters(), x).device)
            graph = captured(network, x) if self.asks_for_graph else UnsupportedOpError("the network was not captured.")
            subject = NetworkSubject(network, graph)
            with torch.no_grad():
                require_labels(data.labels, len(data), network(x).shape[1])
            self.claim(folder, network, data, threat)
            self.sweep(subject, data, threat, folder / "records", self, watch)
            self.sweep_curve(subject, data, threat, folder / "curve", watch)
            curve_attacks = self.curve.attacks if self.curve else {}
            summary = summarised(folder, threat, self.everything, self.verifiers, curve_attacks, self.seed)
            summary["every_attack"] = self.every_attack
            reseed(x.device, self.seed, "masking")
            records = read_records(folder / "records")
            attacks = self.everything
            signs = signs_of_masking(subject, data, threat, records, attacks, self.seed) if attacks else []
            summary["masking"] = [asdict(sign) for sign in signs]
            write_layers(folder, subject, data, threat, self.verifiers)
            write_examples(folder, subject, data, threat, self.everything, self.illustrated, self.seed)
            reseed(x.device, self.seed, "studies")
            write_studies(folder / "studies", self.studies, subject, data, threat)
        write_text(folder / "summary.json", json.dumps(summary, indent=1))
        return summary

    def claim(self, folder: Path, network: nn.Module, data: Split, threat: ThreatModel) -> None:
        """Write down what the folder's shards are the evaluation of, or refuse a folder of another one."""
        plan = {
            "weights": weights_sha256(network),
            "threat": repr(threat),
            "examples": len(data),
            "evaluator": repr(self),
        }
        file = folder / "plan.json"
        if file.exists() and json.loads(file.read_text(encoding="utf-8")) != plan:
            raise InputError(f"{folder} holds the evaluation of another network or setting: delete that folder first.")
        write_text(file, json.dumps(plan, indent=1))

    def sweep_curve(
        self, subject: NetworkSubject, data: Split, threat: ThreatModel, folder: Path, watch: Watcher
    ) -> None:
        """Evaluate the radii of the curve, each with what the next larger one says."""
        if self.curve is None:
            return
        first, larger = data.select(slice(0, self.curve.examples)), None
        for factor in sorted(set(self.curve.radii), reverse=True):
            place = folder / f"{factor:g}"
            self.sweep(subject, first, threat.scaled(factor), place, self.curve, watch, larger)
            larger = place

    def sweep(
        self,
        subject: NetworkSubject,
        data: Split,
        threat: ThreatModel,
        folder: Path,
        suite: "Evaluator | Curve",
        watch: Watcher,
        larger: Path | None = None,
    ) -> None:
        """Evaluate the shards that the folder does not hold yet; `larger` holds those of a larger radius."""
        everywhere = isinstance(suite, Evaluator) and suite.every_attack
        for start in range(0, len(data), self.shard):
            end, file = min(start + self.shard, len(data)), folder / f"{start:09d}.parquet"
            if not file.exists():
                began = time.monotonic()
                shard = Shard.of(subject, threat, data, torch.arange(start, end), self.seed)
                if larger is not None:
                    shard.inherit(pl.read_parquet(larger / file.name), suite.attacks)
                for verifier in suite.verifiers:
                    shard.verify(verifier)
                for name, attack in suite.attacks.items():
                    shard.attack(name, attack, everywhere=everywhere, skip_proven=isinstance(suite, Curve))
                for name, attack in suite.undecided.items():
                    shard.attack(name, attack, everywhere=everywhere, skip_proven=not everywhere)
                shard.require_applicable([*suite.attacks, *suite.undecided])
                shard.require_agreement(folder.parent)
                with replacing(file) as temporary:
                    records = shard.records(time.monotonic() - began)
                    records.write_parquet(temporary, metadata=shard.facts())
            watch(threat.name, end, len(data))


def captured(network: nn.Module, example: Tensor) -> Graph | UnsupportedOpError:
    """Return the network's graph, or why there is none: attacks and black-box verifiers go on without."""
    try:
        return capture(network, example)
    except UnsupportedOpError as error:
        return error
