"""What the files of a sweep say, and which points are on its front."""

from dataclasses import replace

import pytest

from hauberk.errors import InputError
from hauberk.reports.front import draw_front
from hauberk.reports.search_files import point_folder, read_search
from reports.synthetic import journal, write_lines


def test_reads_points_that_were_judged_and_points_that_failed(tmp_path, searched):
    point_folder(tmp_path, 1).mkdir(parents=True)
    write_lines(point_folder(tmp_path, 1) / "train.jsonl", journal())
    search = searched((190, 150), None)
    judged, failed = search.points
    assert (judged.number, judged.folder, judged.failure) == (1, tmp_path / "points" / "001", None)
    assert judged.seconds == journal()[-1]["seconds"]
    assert [(point.number, summary.certified.count) for point, summary in search.judged] == [(1, 150)]
    assert (failed.summary, failed.seconds, failed.failure) == (None, None, "the loss is nan")
    assert failed.share("clean") is None
    assert search.keys == ["trainer.epochs"]


def test_a_point_that_is_not_finished_is_named(tmp_path):
    with pytest.raises(InputError, match=r"points.001.validation.summary\.json.*--resume"):
        read_search(tmp_path, [{"trainer.epochs": 1}])


@pytest.mark.parametrize(
    ("accuracies", "front"),
    [
        ([(150, 100)], [1]),
        ([(150, 100), (140, 120), (160, 90)], [2, 1, 3]),
        ([(150, 100), (150, 90), (140, 100), (140, 90)], [1]),
        ([(150, 100), (120, 110), (150, 100)], [2, 1, 3]),
        ([None, (150, 100), (149, 99)], [2]),
        ([None, None], []),
    ],
)
def test_the_front_holds_what_no_point_beats(searched, accuracies, front):
    assert [point.number for point in searched(*accuracies).front] == front


def test_points_whose_accuracy_is_not_applicable_are_on_no_front(searched):
    search = searched((190, 150), (180, 100))
    broken = replace(search.points[0].summary, certified=None, not_applicable={"certified": "not applicable: mish."})
    search = replace(search, points=[replace(search.points[0], summary=broken), search.points[1]])
    assert search.measure == "certified"
    assert [point.number for point in search.front] == [2]
    assert "2" in draw_front(search, "front")


def test_where_no_proof_was_tried_attacks_decide(searched):
    search = searched((190, 0, 120), (180, 0, 130), (170, 0, 110), verifiers=[])
    assert search.measure == "attacked"
    assert [point.number for point in search.front] == [2, 1]
    assert search.points[0].share("certified") is None
