"""The lowest versions that `make test-lowest` installs: one for each needed package, none above the pinned."""

from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.version import Version

from lowest import floors, pinned


def test_every_package_that_is_needed_has_a_floor_at_most_the_pinned_version():
    found = floors()
    needed = [Requirement(line) for line in requires("hauberk") or []]
    plain = {one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": "fast"})}
    assert found.keys() == plain <= pinned().keys()
    assert all(Version(floor) <= Version(pinned()[name]) for name, floor in found.items())
