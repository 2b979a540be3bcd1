import pytest
import torch

from hauberk.concepts.dataset import Split


def split(stays):
    return Split(torch.arange(12, dtype=torch.uint8).view(3, 1, 2, 2), torch.tensor([0, 1, 2]), stays=stays)


@pytest.mark.parametrize(("stays", "place"), [(False, "meta"), (True, "cpu")])
def test_inputs_that_stay_go_to_the_device_a_batch_at_a_time(stays, place):
    moved = split(stays).to(torch.device("meta"))
    assert (moved.inputs.device.type, moved.labels.device.type) == (place, "meta")
    assert [part.device.type for part in moved.batch(torch.tensor([2, 0]))] == ["meta", "meta"]


def test_batches_are_the_same_wherever_the_inputs_stay():
    index = torch.tensor([2, 0])
    for found, expected in zip(split(True).batch(index), split(False).batch(index), strict=True):
        assert torch.equal(found, expected)


def test_a_slice_of_inputs_that_stay_stays_and_chosen_ones_are_copied():
    whole = split(True)
    part, chosen = whole.select(slice(0, 2)), whole.select(torch.tensor([0, 2]))
    assert part.stays
    assert part.inputs.data_ptr() == whole.inputs.data_ptr()
    assert not chosen.stays
    assert chosen.inputs.data_ptr() != whole.inputs.data_ptr()
