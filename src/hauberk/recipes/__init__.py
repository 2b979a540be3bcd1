"""The recipes that ship with Hauberk."""
