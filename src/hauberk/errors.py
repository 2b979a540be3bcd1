"""All errors and warnings that Hauberk raises on purpose; they name the thing, the value found, and the remedy."""


class HauberkError(Exception):
    """The common base class: `except HauberkError` catches all errors that Hauberk foresees, and no others."""


class InputError(HauberkError, ValueError):
    """A value, file or recipe is invalid: out of range, NaN, corrupt, misspelt."""


class ShapeError(InputError):
    """A tensor has the wrong shape or element type."""


class UnsupportedOpError(HauberkError):
    """A network uses operators that no bound is known for; the message names all of them at once."""


class CaptureError(HauberkError):
    """A network does not compute what its graph computes, so that no bound speaks of it."""


class UnsupportedSetError(HauberkError):
    """A method needs a feature of perturbation sets (such as a support function) that this set lacks."""


class SoundnessError(HauberkError):
    """A deterministic proof and a counterexample contradict each other: a bug, never a result."""


class TrainingError(HauberkError):
    """Training cannot go on: the loss is no longer finite."""


class OutOfTimeError(HauberkError):
    """The time given to a computation is up; what it had not finished counts for nothing."""


NOT_APPLICABLE = (UnsupportedOpError, UnsupportedSetError, ShapeError)
"""The errors of a method that is not defined for a network, a set, or a shape."""


class PartWarning(UserWarning):
    """A part of a combination of methods does not apply here: it was left out, or another stood in for it."""
