"""Hot loops: each a torch function with a compiled twin, which CPU tensors use where numba is installed."""
