"""The errors of tables of robust overfitting, by numpy."""

import numpy as np
import pytest

from hauberk.reports.epoch_errors import epoch_errors

CLEAN = [0.5, 0.7, 0.8, 0.82, 0.84, 0.85, 0.86]
ROBUST = [0.3, 0.5, 0.45, 0.47, 0.5, 0.42, 0.41]


def test_best_is_the_first_epoch_of_the_least_robust_error_and_final_the_mean_of_the_last_five():
    best, (robust, standard) = epoch_errors(CLEAN, ROBUST)
    assert (best, robust.name, standard.name) == (1, "robust", "standard")
    assert (robust.best, standard.best) == pytest.approx((0.5, 0.3))
    for error, shares in ((robust, ROBUST), (standard, CLEAN)):
        last = 1 - np.array(shares[-5:])
        assert (error.final, error.deviation) == pytest.approx((last.mean(), last.std(ddof=0)))
        assert error.difference == pytest.approx(last.mean() - error.best)


def test_fewer_epochs_are_all_last():
    _, (robust, _) = epoch_errors([0.9], [0.2])
    assert (robust.final, robust.deviation, robust.difference) == pytest.approx((0.8, 0, 0))
