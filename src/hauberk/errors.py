"""Every error that Hauberk raises on purpose: each message names the thing, the value found, and what to do."""


class HauberkError(Exception):
    """The common ancestor: `except HauberkError` catches what Hauberk foresees, and nothing else."""


class InputError(HauberkError, ValueError):
    """A value, file or recipe is not what it must be: out of range, NaN, corrupt, misspelt."""


class ShapeError(InputError):
    """A tensor has the wrong shape or element type."""


class UnsupportedOpError(HauberkError):
    """A network uses operators that no bound is known for; the message names all of them at once."""


class UnsupportedSetError(HauberkError):
    """A method needs something of a perturbation set (a support function, say) that this set lacks."""


class SoundnessError(HauberkError):
    """A deterministic proof and a counterexample contradict each other: a bug, never a result."""


class TrainingError(HauberkError):
    """Training cannot go on: the loss is no longer finite."""
