"""Linear programs of a graph, their solver, and what may be believed of it."""
