"""The memory that the rows of a bound pass may take."""

import torch

ON_HOST = 2**27
"""Bytes on a CPU, where more would leave its caches and save no time."""
SHARE = 1 / 8
"""Share of a device's free memory: loops of torch's own operations hold about twice what the rows of a pass do, and
their gradients and the tables of the batch need room as well."""


def memory_budget(given: int | None, device: torch.device, on_host: int = ON_HOST) -> int:
    """Return the given number of bytes, or what the device offers; on a CPU `on_host`, whatever is free.

    It decides how many rows travel together, and changes bounds by rounding alone. What this process has freed counts
    as free, though torch keeps it. The processor asks the driver and does not wait for the device.
    """
    if given is not None or device.type != "cuda":
        return on_host if given is None else given
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(on_host, int(SHARE * (torch.cuda.mem_get_info(device)[0] + kept)))
