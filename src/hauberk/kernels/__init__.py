"""Hot loops: torch functions, each with a compiled twin for CPU tensors if numba is installed."""
