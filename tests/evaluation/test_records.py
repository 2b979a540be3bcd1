"""What records say of each radius: never more than was proven, and nothing where it was contradicted."""

from math import inf

import numpy as np
import polars as pl
import pytest

from hauberk.errors import InputError
from hauberk.evaluation.records import (
    SCHEMA,
    attack_schema,
    attacked_radii,
    certified_radii,
    completed,
    outcomes,
    read_facts,
    read_records,
)

EPS = 0.25


def records(*rows):
    """Return records by (right, broken_by, distance, certified_by, radius)."""
    columns = {name: [None] * len(rows) for name in SCHEMA}
    columns |= {"index": list(range(len(rows))), "label": [0] * len(rows), "eps": [EPS] * len(rows)}
    columns["prediction"] = [0 if right else 1 for right, *_ in rows]
    for place, name in enumerate(("broken_by", "distance", "certified_by", "radius"), start=1):
        columns[name] = [row[place] for row in rows]
    return pl.DataFrame(columns, schema=SCHEMA)


CASES = [
    ("proven with a radius", (True, None, None, "a", 0.5), 0.5, inf),
    ("proven by a verifier that knows no radius", (True, None, None, "a", None), EPS, inf),
    ("a radius below the threat's", (True, None, None, None, 0.125), 0.125, inf),
    ("no radius", (True, None, None, None, 0.0), 0.0, inf),
    ("never searched", (True, None, None, None, None), 0.0, inf),
    ("a point beyond the radius", (True, None, 0.75, "a", 0.5), 0.5, 0.75),
    ("a point within the radius, beyond the set", (True, None, 0.375, "a", 0.5), 0.0, 0.375),
    ("a point at the radius", (True, None, 0.5, "a", 0.5), 0.0, 0.5),
    ("broken beyond its radius", (True, "b", 0.1875, None, 0.125), 0.125, 0.1875),
    ("broken within its radius", (True, "b", 0.1875, "a", 0.5), 0.0, 0.1875),
    ("broken by a point whose distance is rounded up", (True, "b", 0.2500001, "a", 0.25), 0.0, EPS),
    ("broken in a set without a norm", (True, "b", None, "a", None), 0.0, EPS),
    ("misclassified", (False, None, None, None, None), 0.0, 0.0),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_radii_of_an_example(case):
    _, row, certified, attacked = case
    found = records(row)
    assert certified_radii(found).tolist() == [certified]
    assert attacked_radii(found).tolist() == [attacked]


def test_what_is_not_proven_at_the_threats_radius_counts_below_it_only():
    (radius,) = certified_radii(records((True, None, None, None, 0.3)))
    assert radius == np.nextafter(EPS, 0)


def test_certified_is_never_more_than_attacked_at_any_radius_and_both_agree_with_the_accuracies():
    rows = [row for _, row, *_ in CASES] + [(True, None, None, None, 0.3)]
    found = records(*rows)
    certified, attacked = certified_radii(found), attacked_radii(found)
    for radius in np.linspace(1e-6, 1, 101):
        assert not ((certified >= radius) & ~(attacked > radius)).any()
    masks = outcomes(found)
    assert masks["certified"].to_list() == ((certified >= EPS) & (certified > 0)).tolist()
    assert masks["attacked"].to_list() == (attacked > EPS).tolist()
    assert masks["clean"].to_list() == (attacked > 0).tolist()


def test_files_of_earlier_releases_are_read_beside_later_ones(tmp_path):
    schema = SCHEMA | attack_schema(["x"])
    old = records((True, None, None, "a", None)).with_columns(**{name: pl.lit(None) for name in attack_schema(["x"])})
    new = records((True, None, None, "a", 0.5)).with_columns(**{name: pl.lit(None) for name in attack_schema(["x"])})
    old.cast(schema).drop("radius").write_parquet(tmp_path / "0.parquet")
    old.cast(schema).drop("radius", "distance").write_parquet(tmp_path / "1.parquet")
    new.cast(schema).write_parquet(tmp_path / "2.parquet")
    found = read_records(tmp_path)
    assert found.columns == list(schema)
    assert found["radius"].to_list() == [None, None, 0.5]
    assert certified_radii(found).tolist() == [EPS, EPS, 0.5]
    assert outcomes(old.drop("radius"))["certified"].to_list() == [True]


def test_records_of_cascades_stay_as_they_are():
    found = pl.DataFrame({"index": [0], "certified": [True]})
    assert completed(found) is found


@pytest.mark.parametrize("reader", [read_records, read_facts])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(99) + b"PAR1"])
def test_a_shard_that_cannot_be_read_is_named(reader, content, tmp_path):
    (tmp_path / "7.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"(?s)7\.parquet is not a readable Parquet file .*: delete it"):
        reader(tmp_path)
