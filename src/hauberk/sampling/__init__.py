"""Answers of a network under noise: votes, and what can be concluded from their number."""
