"""Searches over a batch from which finished examples are dropped: starts, steps, nearest points, queries, radii."""
