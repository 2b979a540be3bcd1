"""Threads that give up their core, as the commands set them, unless the user has chosen."""

import os
import subprocess
import sys

import pytest

from hauberk import waiting

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.mark.parametrize(
    ("chosen", "spins"),
    [({}, str(waiting.SPINS)), ({"OMP_WAIT_POLICY": "active"}, None), ({"GOMP_SPINCOUNT": "7"}, "7")],
)
def test_a_users_choice_stays(chosen: dict[str, str], spins: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    waiting.let_threads_yield()
    assert os.environ.get("GOMP_SPINCOUNT") == spins


def test_commands_set_it_before_torch_is_loaded() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    code = (
        "import os, sys, hauberk.waiting as w\n"
        "def told():\n"
        "    print('torch' in sys.modules)\n"
        "w.let_threads_yield = told\n"
        "sys.argv = ['hauberk', '--version']\n"
        "from hauberk.__main__ import run\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "False"
