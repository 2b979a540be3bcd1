"""What is written of proven radii: the largest ones, rounded down, and which of them are certain."""

from dataclasses import replace
from math import inf, nan

import polars as pl
import pytest
import torch

from hauberk.concepts.certificate import Certificate
from hauberk.evaluation.radii import Radii

EVERYONE = torch.arange(3)


def certificate(radius, confidence=1.0):
    found = Certificate.from_lower(torch.zeros(len(radius), 1), "network", "", confidence)
    return replace(found, radius=torch.tensor(radius, dtype=torch.float64))


def noted(*found):
    radii = Radii(torch.zeros(3, dtype=torch.long))
    for name, left, known in found:
        radii.note(name, torch.tensor(left), known)
    return radii


def test_the_largest_radius_of_all_verifiers_is_written_and_null_where_none_searched():
    silent = replace(certificate([0.5, 0.5, 0.5]), radius=None)
    found = noted(("a", [0, 1], certificate([0.5, 0.0])), ("b", [0], certificate([0.25])), ("c", [0, 1, 2], silent))
    assert found.column() == [0.5, 0.0, None]
    found.note("d", torch.tensor([0, 2]), certificate([0.75, 0.125], 0.9))
    assert found.column() == [0.75, 0.0, 0.125]


def test_written_radii_are_not_above_the_proven_ones():
    exact = [0.1, 1 / 3, 0.7]
    written = noted(("a", [0, 1, 2], certificate(exact))).column()
    assert all(short <= radius < short * (1 + 1e-6) for short, radius in zip(written, exact, strict=True))
    assert written != exact


@pytest.mark.parametrize(("odd", "written"), [(nan, 0.0), (-1.0, 0.0), (inf, torch.finfo(torch.float32).max)])
def test_radii_that_are_no_lengths_prove_nothing_and_infinite_ones_stay_in_the_column(odd, written):
    assert noted(("a", [0], certificate([odd]))).column()[0] == written


def test_only_certain_radii_contradict_a_misclassified_point_within_them():
    found = noted(("sure", [0, 1], certificate([0.5, 0.25])), ("likely", [1, 2], certificate([9.0, 9.0], 0.99)))
    near, beyond = torch.tensor([0.5, 0.3, 0.1]), torch.tensor([0.5, inf, inf]).nextafter(torch.tensor(inf))
    assert found.contradicted(near).tolist() == [0]
    assert found.contradicted(beyond).tolist() == []
    assert found.contradicted(torch.tensor([inf, 0.25, 0.1])).tolist() == [1]
    assert found.by == ["sure", "sure", None]
    found.note("surer", torch.tensor([1, 2]), certificate([0.2, 0.2]))
    assert found.by == ["sure", "sure", "surer"]
    assert (found.sure(1), found.sure(2)) == (0.25, 0.2)


def test_radii_proven_at_a_larger_radius_go_on_and_raise_no_alarm():
    found = Radii(torch.zeros(3, dtype=torch.long))
    found.inherit(pl.DataFrame({"radius": [0.5, None, 0.0]}))
    found.note("a", EVERYONE, certificate([0.25, 0.25, 0.25], 0.9))
    assert found.column() == [0.5, 0.25, 0.25]
    assert not found.contradicted(torch.zeros(3)).numel()
