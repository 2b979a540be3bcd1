from hauberk.attacks import FGSM, RandomOf, Square, Strongest, WorstOf
from hauberk.losses import Margin


def test_a_combination_is_a_black_box_if_all_its_parts_are():
    gradient, queries = FGSM(Margin()), Square(Margin(), 10)
    for combined in (
        lambda parts: Strongest({str(number): part for number, part in enumerate(parts)}),
        RandomOf,
        lambda parts: WorstOf(parts, Margin()),
    ):
        assert combined([queries, queries]).black_box
        assert not combined([gradient, queries]).black_box
        assert not combined([gradient, gradient]).black_box
