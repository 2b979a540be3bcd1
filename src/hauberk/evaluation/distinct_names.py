"""Names by which records and reports tell attacks and verifiers apart."""

from collections.abc import Iterable, Sequence

from hauberk.errors import InputError


def require_distinct(attacks: Iterable[str], undecided: Iterable[str], verifiers: Sequence[str]) -> None:
    """Raise unless no two attacks, no two verifiers, and no attack and a verifier have the same name."""
    first, later = set(attacks), set(undecided)
    if twice := sorted(first & later):
        raise InputError(f"two attacks of one name would share a column of the records: rename {', '.join(twice)}.")
    if repeated := sorted({name for name in verifiers if verifiers.count(name) > 1}):
        raise InputError(f"two verifiers of one name would share a row of the report: rename {', '.join(repeated)}.")
    if both := sorted((first | later) & set(verifiers)):
        raise InputError(f"records name who broke an example, but an attack and a verifier are {', '.join(both)}.")
