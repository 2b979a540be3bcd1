"""The sum of overlapping windows for numba; imported only where it is installed."""

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled


@compiled
def forward(windows: Array, sy: int, sx: int, py: int, px: int, dy: int, dx: int, out: Array) -> None:
    """Write the folded windows to `out`, for a stride (sy, sx), padding (py, px) and dilation (dy, dx)."""
    rows, places_y, places_x, channels, kernel_y, kernel_x = windows.shape
    height, width = out.shape[2:]
    # A map with its padding, so that no window needs to be cut; it stays in the nearest cache.
    high, wide = height + 2 * py, width + 2 * px
    padded = np.empty((channels, high, wide), out.dtype)
    for r in range(rows):
        padded[:] = 0
        for i in range(places_y):
            for c in range(channels):
                for a in range(kernel_y):
                    line = padded[c, i * sy + a * dy]
                    for b in range(kernel_x):
                        part, window = line[b * dx :: sx], windows[r, i, :, c, a, b]
                        for j in range(places_x):  # adjacent windows overlap: consecutive additions must not wait
                            part[j] += window[j]
        out[r] = padded[:, py : py + height, px : px + width]
