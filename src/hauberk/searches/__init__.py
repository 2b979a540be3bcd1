"""Searches over a batch whose examples leave it: starts, steps, nearest points, queries."""
