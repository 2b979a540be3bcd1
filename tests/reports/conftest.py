"""Small runs in folders of their own, for the tests of the report."""

import json

import pytest

from hauberk.reports.search_files import FAILURE, point_folder, read_search
from reports.synthetic import EXAMPLES, accuracies, summary, write_evaluation, write_run


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a complete run and returns its folder."""

    def make_run(name="small", **changes):
        return write_run(tmp_path / name, **changes)

    return make_run


@pytest.fixture
def judge():
    """A function that writes a named evaluation of a run by a recipe, and returns its folder."""

    def judge(folder, name, recipe="threat: {eps: 0.1}\n", **changes):
        place = folder / "evaluations" / name
        write_evaluation(place, **changes)
        (place / "recipe.yaml").write_text(recipe, encoding="utf-8")
        return place

    return judge


@pytest.fixture
def searched(tmp_path):
    """A function that writes the points of a sweep by their counts (clean, certified, attacked) and reads them back.

    The training of a point without counts failed.
    """

    def searched(*counts, value=None, examples=EXAMPLES, **changes):
        for number, given in enumerate(counts, start=1):
            place = point_folder(tmp_path, number)
            (place / "validation").mkdir(parents=True)
            if given is None:
                (place / FAILURE).write_text("the loss is nan", encoding="utf-8")
                continue
            clean, certified, attacked = (*given, max(180, given[1]))[:3]
            content = summary(**(accuracies(0.1, clean, min(attacked, clean), certified, examples) | changes))
            (place / "validation" / "summary.json").write_text(json.dumps(content), encoding="utf-8")
        return read_search(tmp_path, [{"trainer.epochs": value or number} for number in range(1, len(counts) + 1)])

    return searched
