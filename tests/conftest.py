"""Under the tests the shape and type annotations of the package are checked."""

import sys
import zlib

import pytest
from jaxtyping import config, install_import_hook

if any(name == "hauberk" or name.startswith("hauberk.") for name in sys.modules):
    raise RuntimeError("hauberk was imported before its annotations could be checked: a plugin or conftest did it.")
# The numeric tower: an int is a float, as PEP 484 has it.
install_import_hook("hauberk", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

import torch  # noqa: E402

import longer  # noqa: E402

torch.set_num_threads(1)


def pytest_configure(config: pytest.Config):
    """Tell the laws whether all pairs run."""
    longer.RUN = config.option.markexpr != "not product"


@pytest.fixture(autouse=True)
def checked(request: pytest.FixtureRequest):
    """Check annotations, which takes as long as the tests themselves, in one of eight tests, or in all."""
    config.update("jaxtyping_disable", not longer.RUN and zlib.crc32(request.node.nodeid.encode()) % 8 != 0)


@pytest.fixture
def unchecked(checked: None):
    """Run as users do, without checked annotations: what is refused must be refused by the package itself."""
    config.update("jaxtyping_disable", True)
