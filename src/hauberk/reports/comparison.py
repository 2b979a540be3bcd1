"""Comparison of several runs: their methods, means over seeds, paired differences, and what keeps them apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from hauberk.pixel_fractions import as_decimals
from hauberk.reports.families import other_weights
from hauberk.reports.paired_differences import Difference, differences
from hauberk.reports.recipe_keys import as_number, aside
from hauberk.reports.run_files import Run

PARTS = ("attack", "bounder")
"""The arguments of objectives that say most about a method."""
QUESTIONS: dict[str, Callable[[Run], str]] = {
    "threats": lambda run: run.summary.threat,
    "data": lambda run: run.about.dataset,
}
"""The things that runs must have in common for their accuracies to be compared, besides their subject and examples."""


@dataclass(frozen=True)
class Spread:
    """One accuracy over several seeds.

    Args:
        measure: the accuracy's name.
        shares: the accuracies, one per seed.
    """

    measure: str
    shares: Sequence[float]

    @property
    def mean(self) -> float:
        """Their mean."""
        return fmean(self.shares)

    @property
    def deviation(self) -> float:
        """Their standard deviation, as of a sample."""
        return stdev(self.shares)


@dataclass(frozen=True)
class Seeds:
    """Runs whose recipes differ in the seed alone, and that are judged on the same examples.

    Args:
        runs: the runs, two or more, in the order of their seeds, of which no two are equal.
    """

    runs: Sequence[Run]

    @property
    def seeds(self) -> list[int]:
        """The seeds."""
        return [run.about.seed for run in self.runs]

    def spread(self, measure: str) -> Spread | None:
        """Return an accuracy over the seeds; None if a run lacks it."""
        shares = [share.share for run in self.runs if (share := run.summary.share(measure))]
        return Spread(measure, shares) if len(shares) == len(self.runs) else None


@dataclass(frozen=True)
class Contrast:
    """A run against the first one of the same threat, examples and data.

    Args:
        run: the run.
        reference: the first one.
        examples: number of examples.
        differences: the run's accuracies minus the first one's.
    """

    run: Run
    reference: Run
    examples: int
    differences: list[Difference]


@dataclass(frozen=True)
class Mismatch:
    """Something in which compared runs differ, so that their accuracies do not answer the same question.

    Args:
        what: "threats", "data" or "examples".
        kinds: the runs of each kind, by its description, in the order of the runs.
    """

    what: str
    kinds: dict[str, list[Run]]


def method(run: Run) -> str:
    """Return what trained a run, in short: its objective, with its attack and bounder; empty if the recipe has none."""
    inner = [kind for part in PARTS if (kind := run.kind_at(f"trainer.objective.{part}"))]
    return run.kind_at("trainer.objective") + (f" ({', '.join(inner)})" if inner else "")


def minutes(run: Run) -> float | None:
    """Return the minutes that training took; None if the run has no journal."""
    return run.training.last.seconds / 60 if run.training else None


def over_seeds(runs: Sequence[Run]) -> list[Seeds]:
    """Return the runs whose recipes differ in the seed alone, in groups of two seeds or more.

    Weights that training set aside, and runs that repeat a seed, belong to no group.
    """
    groups: list[dict[int, Run]] = []
    for run in trained(runs):
        own = next((group for group in groups if same_recipe(run, next(iter(group.values())))), None)
        if own is None:
            groups.append({run.about.seed: run})
        else:
            own.setdefault(run.about.seed, run)
    return [Seeds([group[seed] for seed in sorted(group)]) for group in groups if len(group) > 1]


def same_recipe(one: Run, other: Run) -> bool:
    """Return whether two runs answer the same question, and their recipes differ in the seed alone."""
    trees = [{key: as_number(value) for key, value in run.keys.items() if not aside(key)} for run in (one, other)]
    return trees[0] == trees[1] and same_question(one, other)


def trained(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without those of weights that the training of another set aside."""
    others = {pair.other.folder for pair in other_weights(runs)}
    return [run for run in runs if run.folder not in others]


def contrasts(runs: Sequence[Run]) -> list[Contrast]:
    """Return the paired differences of each run to the first one of the same subject, threat, examples and data."""
    references: list[Run] = []
    found = []
    for run in trained(runs):
        reference = next((one for one in references if same_question(one, run)), None)
        if reference is None:
            references.append(run)
        else:
            found.append(Contrast(run, reference, *differences(run, reference)))
    return found


def mismatches(runs: Sequence[Run]) -> list[Mismatch]:
    """Return in which of threats, data and examples runs differ; examples are compared where the data are the same."""
    found = [Mismatch(what, kinds(runs, of)) for what, of in QUESTIONS.items()]
    groups: list[list[Run]] = []
    for run in runs:
        own = next((group for group in groups if same_examples(group[0], run)), None)
        groups.append([run]) if own is None else own.append(run)
    data = [group[0].about.dataset for group in groups]
    if len(set(data)) < len(data):
        named: dict[str, list[Run]] = {}
        for group in groups:
            text = f"{len(group[0].records):,} {group[0].about.inputs} of {group[0].about.dataset}"
            named[f"{text}, others than those" if text in named else text] = group
        found.append(Mismatch("examples", named))
    return [one for one in found if len(one.kinds) > 1]


def kinds(runs: Sequence[Run], of: Callable[[Run], str]) -> dict[str, list[Run]]:
    """Return the runs of each kind; names from before and after radii were written as fractions are one kind."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(as_decimals(of(run)), []).append(run)
    return {of(group[0]): group for group in groups.values()}


def same_question(one: Run, other: Run) -> bool:
    """Return whether two runs are of the same kind of subject, threat, examples and data."""
    alike = all(as_decimals(of(one)) == as_decimals(of(other)) for of in QUESTIONS.values())
    return alike and one.summary.subject == other.summary.subject and same_examples(one, other)


def same_examples(one: Run, other: Run) -> bool:
    """Return whether two runs were judged on the same examples, by index, label, and input where it is known."""
    if one.inputs and other.inputs and one.inputs != other.inputs:
        return False
    return one.records.select("index", "label").equals(other.records.select("index", "label"))
