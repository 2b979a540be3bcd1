"""Linear specifications and boxes of rows."""

import torch

from hauberk.concepts.specification import LinearSpec


def test_margins_are_the_label_minus_every_other_class_in_order():
    logits = torch.tensor([[1.0, 5.0, 2.0], [4.0, 0.0, 3.0]])
    value = LinearSpec.margins(torch.tensor([1, 2]), 3).value(logits)
    assert value.tolist() == [[4.0, 3.0], [-1.0, 3.0]]


def test_select_keeps_rows_and_offsets_together():
    spec = LinearSpec(torch.randn(4, 2, 3), torch.randn(4, 2))
    logits, index = torch.randn(4, 3), torch.tensor([2, 0])
    assert torch.equal(spec.select(index).value(logits[index]), spec.value(logits)[index])
