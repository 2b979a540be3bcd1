import io

import pytest
from rich.console import Console

from hauberk.errors import InputError
from hauberk.evaluation.statistics import share
from hauberk.reports import print_cascade


def content(robust_errors: int = 30, certificate_confidence: float = 1.0) -> dict:
    errors = {
        "rule": "cascade, stages must agree",
        "standard_error": share(10, 200),
        "robust_error": share(robust_errors, 200),
        "abstained": share(25, 200),
    }
    return {
        "threat": "linf eps 0.1 [bold]within [0, 1]",
        "examples": 200,
        "stages": 2,
        "confidence": 0.95,
        "certificate_confidence": certificate_confidence,
        "rules": [errors],
    }


def printed(summary: dict) -> str:
    output = io.StringIO()
    print_cascade(summary, Console(width=140, file=output))
    return output.getvalue()


def test_both_errors_and_abstentions_stand_beside_each_other_with_their_intervals():
    text = printed(content())
    assert "linf eps 0.1 [bold]within [0, 1] | 200 examples | cascade of 2" in text
    line = next(line for line in text.splitlines() if "cascade, stages must agree" in line)
    assert all(cell in line for cell in ("5.00 %", "15.00 %", "12.50 %"))
    assert "exact 95 % intervals" in text
    assert text.count("–") == 3
    assert "probability" not in text


def test_certificates_that_may_be_wrong_say_so():
    assert "each proof right with a confidence of at least 99 %" in printed(content(certificate_confidence=0.99))


def test_abstentions_that_are_no_robust_errors_are_refused():
    with pytest.raises(InputError, match="10 standard errors and 25 abstentions"):
        printed(content(robust_errors=20))
