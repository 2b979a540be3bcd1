"""Recipes as text and as trees of plain values: nothing here looks up a class, so nothing imports torch."""
