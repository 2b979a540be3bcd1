"""Passes through a graph, backward and forward: rows, generators, projections, bounds of units; proofs from them."""
