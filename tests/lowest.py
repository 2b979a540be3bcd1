"""Constraints for pip: the lowest versions that pyproject.toml promises, and the pinned ones of everything else."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def floors() -> dict[str, str]:
    """Return the lowest version of each package that Hauberk needs, with its extra `fast`, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["fast"]]
    return dict(need.split(">=") for need in needed)


def pinned() -> dict[str, str]:
    """Return the versions that the tests run with otherwise, by name."""
    return dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))


if __name__ == "__main__":
    print("\n".join(f"{name}=={version}" for name, version in {**pinned(), **floors()}.items()))
