"""The judgement of a network within a given time: examples, attacks and verifiers as the time allows."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from hauberk import accepted
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, OutOfTimeError
from hauberk.evaluation.distinct_names import require_distinct
from hauberk.evaluation.evaluator import captured
from hauberk.evaluation.illustrations import write_answers
from hauberk.evaluation.input_checks import require_examples, require_inputs
from hauberk.evaluation.isolation import reseed, undisturbed
from hauberk.evaluation.ladder import Ladder
from hauberk.evaluation.masking import signs_of_masking
from hauberk.evaluation.records import read_records
from hauberk.evaluation.standing import Watcher
from hauberk.evaluation.summary import Summary, summarised
from hauberk.kernels.deadline import deadline
from hauberk.kernels.full_precision import full_precision
from hauberk.presets.budgets import attacks_on, prove
from hauberk.verification import LipschitzMargin

SHOWN = 10
"""The number of examples that are shown with their adversarial versions."""
AFTERWARDS = 0.05
"""The share of the time that is kept for what follows the last attack or proof: a search for masking, the files."""
CHECKED = 500
"""The number of inputs whose range is checked at once."""


@dataclass(frozen=True)
class Inquiry:
    """A network, examples and a threat, to be judged within a given time.

    Args:
        network: maps inputs to logits.
        data: the examples.
        threat: gives the sets.
        attacks: by name; None for those of `presets.attacks_on`.
        verifiers: cheap ones first; None for those of `presets.prove`.
        seed: seeds the attacks' noise.
        offered: the number of examples that were to be judged, if time allowed.
    """

    network: nn.Module
    data: Split
    threat: ThreatModel
    attacks: Mapping[str, Attack | MinimumDistanceAttack] | None
    verifiers: Sequence[Verifier] | None
    seed: int
    offered: int

    def require(self) -> None:
        """Raise unless network, examples and threat fit each other; all is checked before anything is judged.

        Raises:
            InputError: there is no example, an input is NaN or out of range, a label does not fit the network, or the
                network is none or fails.
            ShapeError: it gives something else than logits.
        """
        if not isinstance(self.network, nn.Module):
            raise InputError(f"model is a torch module that maps inputs to logits, but is {self.network!r:.80}.")
        self.require_methods()
        require_examples(self.data)
        require_inputs(self.data, self.threat, CHECKED)
        for count in (1, 2):  # what takes one size of batches alone is refused now
            classes = accepted.classes(self.network, self.first[:count])
        accepted.labels(self.data.labels, len(self.data), classes)

    def require_methods(self) -> None:
        """Raise unless attacks and verifiers are such, and have names of their own.

        Raises:
            InputError: the message names what is none.
        """
        attacks, verifiers = self.attacks or {}, self.verifiers or []
        if not isinstance(attacks, Mapping) or not all(isinstance(name, str) for name in attacks):
            raise InputError(f"attacks are by name, {{'PGD': PGD(Margin())}}, but are {attacks!r:.80}.")
        if not isinstance(verifiers, Sequence):
            raise InputError(f"verifiers are a list, [ByBound(Interval())], but are {verifiers!r:.80}.")
        for name, attack in attacks.items():
            if not isinstance(attack, Attack | MinimumDistanceAttack):
                raise InputError(f"attacks[{name!r}] is no attack, but {attack!r:.80}: give PGD(Margin()), say.")
        for verifier in verifiers:
            if not isinstance(verifier, Verifier):
                raise InputError(f"{verifier!r:.80} is no verifier: a bounder becomes one by ByBound(bounder).")
        require_distinct(attacks, (), [verifier.name for verifier in verifiers])

    @property
    def first(self) -> Float[Tensor, "b *x"]:
        """The first two inputs, on the network's device."""
        x, _ = self.data.batch(slice(0, 2))
        return x.to(next(self.network.parameters(), x).device)

    @full_precision()
    def answer(self, folder: Path, seconds: float, watch: Watcher) -> Summary:
        """Judge as many examples as the time allows, write records and illustrations, and return the summary.

        The network's mode, its parameters' gradients and torch's random state are restored.

        Raises:
            InputError: time is too short.
            SoundnessError: an example is misclassified where it is proven; the evidence is kept in the folder.
        """
        end = time.monotonic() + (1 - AFTERWARDS) * seconds
        threat, x = self.threat, self.first
        with undisturbed(self.network):
            subject = NetworkSubject(self.network, captured(self.network, x))
            attacks = self.attacks_at(x)
            verifiers = self.verifiers_of(subject, seconds)
            ladder = Ladder(subject, threat, self.data, attacks, verifiers, self.seed, watch)
            rest = ladder.climb(end - time.monotonic())
            ladder.write(folder / "records", seconds - max(0.0, end - time.monotonic()))
            summary = summarised(folder, threat, attacks, verifiers, None, self.seed)
            summary |= {"subject": subject.kind, "smoothing": None, "every_attack": False, "unforeseen": None}
            summary |= {"rest": [asdict(one) for one in rest], "masking": None}
            write_answers(folder, subject, ladder.shards, SHOWN)
            seen = self.data.select(slice(0, ladder.seen))
            reseed(x.device, self.seed, "masking")
            with suppress(OutOfTimeError), deadline(AFTERWARDS * seconds):
                signs = signs_of_masking(subject, seen, threat, read_records(folder / "records"), attacks, self.seed)
                summary["masking"] = None if signs is None else [asdict(sign) for sign in signs]
        return summary

    def attacks_at(self, x: Float[Tensor, "b *x"]) -> Mapping[str, Attack | MinimumDistanceAttack]:
        """Return the attacks, by name."""
        if self.attacks is not None:
            return self.attacks
        return attacks_on(self.threat.select(slice(0, len(x)), self.data.inputs.shape).at(x))

    def verifiers_of(self, subject: NetworkSubject, seconds: float) -> Sequence[Verifier]:
        """Return the verifiers; with that of distance networks in front, if this is one."""
        if self.verifiers is not None:
            return self.verifiers
        own = isinstance(subject.captured, Graph) and LipschitzMargin().covers(subject.captured.frozen())
        return [*([LipschitzMargin()] if own else []), *prove(seconds / 60).stages]
