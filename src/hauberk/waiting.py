"""Threads that wait for each other, and the cores that they keep meanwhile."""

import os

SPINS = 2000
"""The number of looks at a barrier before a thread sleeps; by default GNU's runtime takes 300,000."""


def let_threads_yield() -> None:
    """Let threads that wait give up their core soon, unless the user has chosen how they wait.

    Where other programs need the cores as well, threads that spin keep those that they wait for from running: a
    training step took two to four times as long. The runtime reads this once, when torch loads it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
