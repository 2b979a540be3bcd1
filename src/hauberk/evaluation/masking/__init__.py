"""Signs that an attacked accuracy is too good to be true, because gradients lead nowhere.

Source of the signs: Athalye, Carlini & Wagner 2018, section 3.1; Carlini et al. 2019, section 3.
"""

from hauberk.evaluation.masking.signs import signs_of_masking

__all__ = ["signs_of_masking"]
