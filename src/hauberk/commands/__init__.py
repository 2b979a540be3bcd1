"""The commands of the command line, a file each.

The docstring of a command's file says what it does, `options` adds its options to a parser, and `run` runs it. Most of
a start-up is imports, so a file imports nothing that takes long until `run` has to have it.
"""
