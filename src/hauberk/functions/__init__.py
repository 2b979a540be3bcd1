"""Piecewise linear, smooth and S-shaped functions of one variable, and their relaxations."""
