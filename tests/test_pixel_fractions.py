"""How radii are written, and how names of earlier releases compare with those of today."""

from fractions import Fraction

import pytest

from hauberk.pixel_fractions import as_decimals, written


@pytest.mark.parametrize("steps", [1, 2, 8, 16, 36, 254])
def test_fractions_of_255_are_written_as_such(steps):
    assert written(float(Fraction(steps, 255))) == f"{steps}/255"


@pytest.mark.parametrize("text", ["0", "0.1", "0.2", "0.4", "1", "2", "0.0313725", "1.58", "0.333333", "1e-08"])
def test_what_six_digits_tell_is_written_in_digits(text):
    assert written(float(text)) == text  # 0.2 is 51/255, too, and 1 is 255/255


@pytest.mark.parametrize("eps", [1 / 7, 8.5 / 255, 8 / 255 + 1e-12])
def test_other_numbers_have_six_digits(eps):
    assert written(eps) == f"{eps:.6g}"


@pytest.mark.parametrize("steps", range(256))
def test_old_names_are_those_with_decimals(steps):
    eps = steps / 255
    assert as_decimals(f"linf eps {written(eps)} or l2 eps 0.5") == f"linf eps {eps:.6g} or l2 eps 0.5"
