"""network x threat x attacks x verifiers -> records, in shards that survive a kill."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from torch import Tensor, nn

from hauberk import accepted
from hauberk.allocator import keep_freed_memory
from hauberk.atomic import write_text
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Examples, Split
from hauberk.concepts.noise import require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Study
from hauberk.concepts.subject import AttackableSubject, NetworkSubject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.evaluation.adversary import Adversary
from hauberk.evaluation.captured_graph import captured
from hauberk.evaluation.curve import Curve
from hauberk.evaluation.dataset_statement import most_equal
from hauberk.evaluation.distinct_names import require_distinct
from hauberk.evaluation.illustrations import write_examples, write_layers
from hauberk.evaluation.input_checks import require_examples, require_inputs, require_steps
from hauberk.evaluation.isolation import reseed, undisturbed
from hauberk.evaluation.masking import signs_of_masking
from hauberk.evaluation.records import read_records
from hauberk.evaluation.studies import require_names, write_studies
from hauberk.evaluation.summary import Summary, described, summarised
from hauberk.evaluation.sweep import Suite, Sweep, Watcher
from hauberk.evaluation.unforeseen import face
from hauberk.identity import claim
from hauberk.kernels.full_precision import full_precision
from hauberk.ranges import Checked, Count, Natural
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing

SHOWN = 6
"""The number of examples that every adversary's answers are kept of."""


@dataclass(frozen=True)
class Evaluator(Checked):
    """A judge of networks that runs attacks and verifiers on correctly classified examples, in the order given.

    Attacked accuracy is the per-example worst case: an example counts only if no attack broke it. Attacks and verifiers
    that do not apply are noted with the reason, and an accuracy for which nothing applied is None.

    Args:
        attacks: by their names in the records, cheap ones first.
        verifiers: cheap ones first; exact ones, which run last, see only what is neither proven nor broken.
        curve: the robustness curve; None to do without.
        studies: further questions, by the names that the report shows.
        shard: examples per shard, the most that a kill can lose.
        illustrated: number of examples that are kept with their adversarial versions.
        seed: seeds the attacks' noise.
        undecided: further attacks, strong and slow ones, for examples that are neither broken nor proven by then.
        examples: number of examples, from the first; None for all.
        every_attack: run every attack on every example, broken or not, so that attacks can be compared; by default
            each attacks what those before it left, which is faster and gives the same attacked accuracy.
        smoothing: judges the network smoothed by noise; None for the network as it is.
        unforeseen: further adversaries, by the names that the report shows; each attacks every example.

    Raises:
        InputError: two attacks or verifiers have the same name, or a study's name cannot name a file.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.attacks import FGSM
        >>> from hauberk.bounds import Interval
        >>> from hauberk.concepts.dataset import Split
        >>> from hauberk.evaluation import Evaluator
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.verification import ByBound
        >>> network = nn.Linear(2, 2, bias=False)
        >>> network.weight.data = torch.eye(2)
        >>> data = Split(torch.tensor([[0.9, 0.2], [0.5, 0.4]]), torch.tensor([0, 0]))
        >>> evaluator = Evaluator({"FGSM": FGSM(CrossEntropy())}, [ByBound(Interval())])
        >>> with TemporaryDirectory() as folder:
        ...     summary = evaluator.evaluate(network, data, LinfBall(0.1), Path(folder))
        >>> [summary[measure]["count"] for measure in ("clean", "attacked", "certified")]
        [2, 1, 1]
    """

    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier]
    curve: Curve | None = None
    studies: Mapping[str, Study] = field(default_factory=dict)
    shard: Count = 500
    illustrated: Natural = 10
    seed: int = 0
    undecided: Mapping[str, Attack | MinimumDistanceAttack] = field(default_factory=dict)
    examples: Count | None = None
    every_attack: bool = False
    smoothing: Smoothing | None = None
    unforeseen: Mapping[str, Adversary] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_names(self.studies, "a study's")
        require_names(self.unforeseen, "an adversary's")
        require_seed(self.seed)
        if not isinstance(self.smoothing, Smoothing | None):
            raise InputError(f"smoothing is None or a Smoothing(noise), but is {self.smoothing!r}.")
        require_distinct(self.attacks, self.undecided, [verifier.name for verifier in self.verifiers])

    @property
    def everything(self) -> dict[str, Attack | MinimumDistanceAttack]:
        """All attacks, by name."""
        return {**self.attacks, **self.undecided}

    @property
    def asks_for_graph(self) -> bool:
        """True if a verifier or a study may need the network's graph, which takes seconds to capture."""
        others = any(adversary.verifiers for adversary in self.unforeseen.values())
        return bool(self.verifiers or self.studies or others or (self.curve and self.curve.verifiers))

    def subject(self, network: nn.Module, example: Tensor) -> AttackableSubject:
        """Return what is judged: the network, captured if anything may ask for its graph, or the network smoothed."""
        if self.smoothing is not None:
            return SmoothedNetwork(network, self.smoothing)
        if not self.asks_for_graph:
            return NetworkSubject(network, UnsupportedOpError("the network was not captured."))
        return NetworkSubject(network, captured(network, example))

    @full_precision()
    def evaluate(
        self,
        network: nn.Module,
        data: Examples,
        threat: ThreatModel,
        folder: Path | str,
        watch: Watcher = lambda stage, done, total: None,
        claimed: Callable[[], None] = lambda: None,
    ) -> Summary:
        """Evaluate the network in eval mode, write records and summary to `folder`, and return the summary.

        A folder that holds shards of the same evaluation is completed: of the same weights, inputs, labels, tensors of
        the threat, and attacks, verifiers, curve and studies with all that they hold. The network's mode, its
        parameters' gradients and torch's random state are restored. `claimed` is called once the folder is known to be
        this evaluation's.

        Raises:
            InputError: the folder holds another evaluation, whose message says what differs; an object has no identity
                of its own; the split is empty, an input is NaN or out of range, or a label does not fit the network.
            UnsupportedSetError: the set has no steepest step, which all of the attacks need.
            SoundnessError: an example is misclassified where it is proven; the evidence is kept in the folder.
        """
        keep_freed_memory()
        data, folder, first = Split.of(data), accepted.folder_at(folder), slice(0, self.examples)
        faced = {
            name: replace(other, threat=other.threat.select(first, data.inputs.shape))
            for name, other in self.unforeseen.items()
        }
        threat, data = threat.select(first, data.inputs.shape), data.select(first)
        require_examples(data)
        require_inputs(data, threat, self.shard)
        require_steps(data, threat, self.everything.values())
        for adversary in faced.values():
            require_inputs(data, adversary.threat, self.shard)
        with undisturbed(network):
            x, _ = data.batch(slice(0, 2))
            x = x.to(next(network.parameters(), x).device)
            accepted.labels(data.labels, len(data), accepted.classes(network, x))
            subject = self.subject(network, x)
            experiment = {"network": network, "inputs": data.inputs, "labels": data.labels}
            claim(folder, experiment | {"threat": threat, "evaluator": self})
            claimed()
            suite = Suite(self.attacks, self.verifiers, self.undecided, self.every_attack)
            sweep = Sweep(subject, self.shard, self.seed, watch)
            sweep.one(data, threat, folder / "records", suite)
            if self.curve is not None:
                sweep.radii(data, threat, folder / "curve", self.curve)
            equal = None if self.smoothing is None else most_equal(data)
            summary = summarised(folder, threat, self.everything, self.verifiers, self.curve, self.seed, equal)
            summary["subject"] = subject.kind
            summary["smoothing"] = None if self.smoothing is None else described(self.smoothing)
            summary["every_attack"] = self.every_attack
            summary["unforeseen"] = face(sweep, data, folder / "unforeseen", faced, SHOWN)
            reseed(x.device, self.seed, "masking")
            records = read_records(folder / "records")
            if self.everything:
                probed = subject, data, threat, records, self.everything, self.seed, self.shard
                signs = signs_of_masking(*probed)
            else:
                signs = None
            summary["masking"] = None if signs is None else [asdict(sign) for sign in signs]
            write_layers(folder, subject, data, threat, self.verifiers, self.shard)
            write_examples(folder, subject, data, threat, self.everything, self.illustrated, self.seed, self.shard)
            reseed(x.device, self.seed, "studies")
            write_studies(folder / "studies", self.studies, subject, data, threat)
        write_text(folder / "summary.json", json.dumps(summary, indent=1))
        return summary
