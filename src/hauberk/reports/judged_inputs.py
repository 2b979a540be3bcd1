"""The identity of the inputs that an evaluation judged."""

import json
from pathlib import Path

from hauberk.errors import InputError
from hauberk.reports.typed_json import read_text


def judged_inputs(plan: Path, remedy: str) -> str | None:
    """Return what identifies the inputs in an evaluation's plan; None where there is no plan, as in earlier releases.

    Raises:
        InputError: the plan is damaged; the message ends with the remedy.
    """
    if not plan.exists():
        return None
    try:
        content = json.loads(read_text(plan, remedy))
        return json.dumps([content["identity"], content["inputs"]])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{plan} does not say which inputs were judged ({error!r:.200}): {remedy}") from error
