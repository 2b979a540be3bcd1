"""The loop of `relu_lines` for numba; imported only where it is installed."""

from hauberk.kernels.compiled_rows import Array, compiled_as_written


@compiled_as_written
def lines(first: int, last: int, lower: Array, upper: Array, slope: Array, intercept: Array, below: Array) -> None:
    """Write the chords' slopes and intercepts, and the slopes below; what is NaN stays NaN."""
    zero, one = lower.dtype.type(0), lower.dtype.type(1)
    for i in range(first, last):
        near, far = lower[i], upper[i]
        low, high = zero if near > zero else near, zero if far < zero else far
        s = high / (high - low if high > low else one)
        slope[i] = s
        intercept[i] = -low * s
        flat = one if far > -near else zero
        below[i] = flat if (near < zero) & (far > zero) else s
