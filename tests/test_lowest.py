"""The lowest versions that `make test-lowest` installs: one for each needed package, none above the pinned."""

from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.version import Version

from lowest import floors, pinned


def test_every_package_that_is_needed_has_a_floor_at_most_the_pinned_version():
    floor, pin = ({name.lower(): Version(version) for name, version in of().items()} for of in (floors, pinned))
    needed = [Requirement(line) for line in requires("hauberk") or []]
    assert floor.keys() == {
        one.name.lower() for one in needed if not one.marker or one.marker.evaluate({"extra": "fast"})
    }
    assert all(version <= pin[name] for name, version in floor.items())
