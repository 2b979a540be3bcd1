from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Phase, Trainer
from hauberk.training.batches import Batches
from hauberk.training.order import epoch_order, held_out

LABELLED, POOL, HELD_OUT = 50, 70, 10


def split(pool: int = POOL) -> Split:
    """Inputs that say where they come from: below 1/2 what is labelled."""
    own = Split(torch.linspace(0, 0.4, LABELLED)[:, None], torch.zeros(LABELLED, dtype=torch.long))
    further = Split(torch.linspace(0.6, 1, pool)[:, None], torch.ones(pool, dtype=torch.long))
    return Split(own.inputs, own.labels, further)


def trainer(batch: int = 12, **changes) -> Trainer:
    return Trainer(Natural(CrossEntropy()), 2, Constant(0.1), batch, held_out=HELD_OUT, **changes)


def test_without_a_pool_an_epoch_is_a_permutation():
    batches = Batches(trainer(), Split(split().inputs, split().labels))
    trained_on, _ = held_out(LABELLED, HELD_OUT, 0)
    for epoch in range(2):
        found = torch.cat([batches.of(4 * epoch + step) for step in range(4)])
        assert torch.equal(found, trained_on[epoch_order(40, 0, epoch)])


def test_half_of_every_batch_is_pseudo_labelled_and_an_epoch_is_a_pass_over_the_labelled():
    batches = Batches(trainer(later=[Phase(1, 20)]), split())
    steps = [batches.of(step) for step in range(batches.plan.steps)]
    assert [len(index) for index in steps] == 2 * [*6 * [12], 8] + 4 * [20]
    for index in steps:
        x, y, noise = batches.examples(0, index)
        assert y.sum() * 2 == len(y)
        assert torch.equal(x[:, 0] > 0.5, y == 1)
        assert torch.equal(noise.examples, index)
    epochs = [[index for step, index in enumerate(steps) if batches.plan.at(step).epoch == epoch] for epoch in range(3)]
    for epoch in epochs:
        labelled = torch.cat(epoch)
        labelled = labelled[labelled < LABELLED]
        assert torch.equal(labelled.sort().values, batches.trained_on)
    pool = torch.cat([torch.cat(epoch) for epoch in epochs])
    pool = pool[pool >= LABELLED]
    assert len(pool[:POOL].unique()) == POOL
    assert not set(batches.held_out.tolist()) & set(torch.cat(steps).tolist())


def test_bytes_and_numbers_are_joined_as_numbers():
    own = Split(torch.tensor([[0], [255]], dtype=torch.uint8), torch.tensor([0, 1]))
    joined = own.joined(Split(torch.tensor([[0.5]]), torch.tensor([1])))
    assert joined.batch(slice(None))[0].tolist() == [[0], [1], [0.5]]
    assert own.joined(own).inputs.dtype == torch.uint8


def test_an_odd_batch_cannot_be_halved():
    with pytest.raises(InputError, match="must be even, but is 7"):
        Batches(trainer(later=[Phase(1, 7)]), split())


def test_pseudo_labels_are_learned(tmp_path: Path):
    torch.manual_seed(0)
    network = nn.Linear(1, 2)
    method = Trainer(Natural(CrossEntropy()), 60, Constant(0.1), 40, held_out=0)
    method.fit(network, split(), LinfBall(0.1), tmp_path)
    x = torch.tensor([[0.2], [0.8]])
    assert network(x).argmax(1).tolist() == [0, 1]


def test_a_step_has_the_same_examples_wherever_a_training_goes_on():
    batches = Batches(trainer(), split())
    steps = [batches.of(step) for step in range(batches.plan.steps)]
    for step in (3, 13, 7):
        assert torch.equal(Batches(trainer(), split()).of(step), steps[step])


def test_two_processes_have_as_many_pseudo_labelled_examples_each():
    index = Batches(trainer(), split()).of(1)
    assert [int((index[rank::2] >= LABELLED).sum()) for rank in (0, 1)] == [3, 3]
