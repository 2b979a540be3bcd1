"""Which epochs of a training are marked, and what its figures show."""

import re

import pytest

from hauberk.reports.learning_curves import accuracy_range, draw_compared_trainings, draw_course, draw_learning_curves
from hauberk.reports.training import Row, Training, read_training
from reports.synthetic import journal, write_lines


def training(*robust, collapse=None, detector=None):
    """A training with these robust accuracies on held-out examples, epoch by epoch."""
    rows = []
    for e, r in enumerate(robust, start=1):
        watched = None if detector is None else e == collapse
        rows.append(Row("epoch", e, 10 * e, 1 / e, 0.9, 0.8, 1.0, 0.01, 5.0 * e, 0.95, r, detector, watched))
    return Training([], rows)


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_first_of_the_best_epochs_is_the_best():
    found = training(0.1, 0.5, 0.5, 0.4)
    assert (found.best.epoch, found.final.epoch, found.collapse, found.watched) == (2, 4, None, False)
    assert found.marks(True) == {2: "kept, best", 4: "final"}
    assert found.marks(False) == {4: "kept, final", 2: "best"}
    assert training(0.1, 0.2).marks(True) == {2: "kept, best, final"}


def test_a_collapsed_epoch_is_neither_best_nor_final():
    found = training(0.1, 0.5, 0.3, 0.9, collapse=4, detector=0.3)
    assert found.marks(True) == {2: "kept, best", 3: "final", 4: "collapse"}
    assert found.watched


def test_without_attacks_the_best_epoch_is_that_of_clean_accuracy(tmp_path):
    rows = [row | {"validation_robust": None} for row in journal() if row["kind"] == "epoch"]
    rows[1]["validation_clean"] = 0.95
    write_lines(tmp_path / "train.jsonl", rows)
    found = read_training(tmp_path / "train.jsonl")
    assert (found.best.epoch, found.best.score) == (2, 0.95)


def test_an_epoch_without_a_robust_accuracy_is_not_better_than_one_with():
    assert training(None, None, 0.5, 0.4).best.epoch == 3


def test_without_held_out_examples_nothing_is_best():
    rows = [Row("epoch", 1, 10, 1.0, 0.9, 0.8, 1.0, 0.01, 5.0)]
    assert Training([], rows).marks(False) == {1: "kept, final"}


def test_the_journal_of_a_detector_is_read(tmp_path):
    rows = [row | {"detector_robust": 0.3, "collapsed": row["epoch"] == 2} for row in journal()]
    write_lines(tmp_path / "train.jsonl", rows)
    found = read_training(tmp_path / "train.jsonl")
    assert (found.collapse.epoch, found.collapse.detector_robust) == (2, 0.3)


def test_the_epochs_kept_best_final_and_collapsed_are_named():
    svg = draw_learning_curves(training(0.1, 0.5, 0.4, 0.05, collapse=4, detector=0.3), True, "a")
    assert {"kept, best: epoch 2", "final: epoch 3", "collapse: epoch 4"} <= set(texts(svg))
    assert {"clean, training", "robust, training", "clean, validation", "robust, validation"} <= set(texts(svg))
    assert "robust, detector" in texts(svg)
    assert "var(--wrong)" in svg


def test_a_training_whose_last_epoch_is_best_has_no_mark():
    svg = draw_learning_curves(training(0.1, 0.5), True, "a")
    assert not [text for text in texts(svg) if ": epoch" in text]
    assert "robust, detector" not in texts(svg)


def test_natural_training_has_no_robust_line():
    row = Row("epoch", 1, 10, 1.0, 0.9, None, None, 0.01, 5.0)
    svg = draw_learning_curves(Training([], [row]), False, "a")
    assert "clean, training" in texts(svg)
    assert not [text for text in texts(svg) if "robust" in text]
    assert "unknown" in draw_course(Training([], [row]), "b")[1]


def test_training_never_speaks_of_certified_accuracy():
    svg = draw_learning_curves(training(0.1, 0.5), False, "a")
    assert "certified" not in svg  # an adversarial objective certifies nothing


def test_the_course_shows_loss_radius_and_learning_rate():
    titles = ["Training loss", "Radius, as a share of the final one", "Learning rate"]
    drawn = draw_course(training(0.1, 0.5), "a")
    assert all(title in texts(svg) for title, svg in zip(titles, drawn, strict=True))
    assert "at the end 0.5." in drawn[0]


def test_the_scale_leaves_out_the_first_rise_and_holds_the_rest():
    rows = [Row("epoch", e, e, 1.0, v, None, 1.0, 0.01, 1.0) for e, v in ((1, 0.1), (3, 0.65), (20, 0.9))]
    bottom, top = accuracy_range([Training([], rows)])
    assert bottom == pytest.approx(0.6)
    assert 1 < top < 1.02
    assert accuracy_range([Training([], rows), training(0.1, 0.25)])[0] == pytest.approx(0.1)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_trainings_side_by_side_are_named_and_share_a_legend(count):
    several = [(f"run {number}", training(0.1, 0.5, 0.3), True) for number in range(count)]
    found = texts(draw_compared_trainings(several, "a"))
    assert [text for text in found if text.startswith("run ")] == [name for name, *_ in several]
    assert found.count("robust, validation") == 1
    assert found.count("epoch") == min(count, 3)  # below the last panel of each column


def test_accuracies_on_test_examples_are_drawn_and_choose_nothing():
    rows = [Row("epoch", e, e, 1.0, 0.9, 0.5, 1.0, 0.01, 1.0, 0.9, v, test_clean=0.8, test_robust=r)
            for e, v, r in ((1, 0.4, 0.2), (2, 0.5, 0.3), (3, 0.3, 0.6))]  # fmt: skip
    found = Training([], rows)
    assert found.best.epoch == 2
    assert found.tested[0].epoch == 3
    assert {"clean, test", "robust, test"} <= set(texts(draw_learning_curves(found, True, "a")))
    assert Training([], rows[:1]).tested[1][0].final == pytest.approx(0.8)
    assert training(0.1, 0.2).tested is None
