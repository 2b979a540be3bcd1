import torch

from hauberk.attacks import FGSM, Previous
from hauberk.concepts.memory import ExampleMemory, Memory, Remembered
from hauberk.concepts.noise import Noise
from hauberk.losses import CrossEntropy
from hauberk.objectives import AdaptiveRadius, Free
from hauberk.threats import LinfBall
from hauberk.training.parts import parts


def recalled(memory: ExampleMemory, *examples: int) -> list[float]:
    return memory.recall(torch.tensor(examples), -1.0).tolist()


def test_an_example_keeps_its_number_in_whatever_batch_it_comes():
    memory = ExampleMemory()
    assert recalled(memory, 3, 900) == [-1, -1]
    memory.keep(torch.tensor([3, 5]), torch.tensor([30.0, 50.0]))
    memory.keep(torch.tensor([0]), torch.tensor([10.0]))
    assert recalled(memory, 5, 4, 0, 6, 3) == [50, -1, 10, -1, 30]
    memory.keep(torch.tensor([9, 3]), torch.tensor([90.0, 31.0]))
    assert recalled(memory, 9, 8, 3, 5) == [90, -1, 31, 50]


def test_processes_remember_the_same_once_they_have_exchanged_their_news():
    first, second, idle = ExampleMemory(), ExampleMemory(), ExampleMemory()
    kept = [(torch.tensor([7, 2]), torch.tensor([70.0, 20.0])), (torch.tensor([4]), torch.tensor([40.0]))]
    for memory, (examples, numbers) in zip((first, second), kept, strict=True):
        memory.recall(examples, 0.0)
        memory.keep(examples, numbers)
    idle.recall(torch.tensor([7]), 0.0)
    news = [memory.news for memory in (first, second, idle)]
    together = [torch.cat(parts) for parts in zip(*news, strict=True)]
    for memory in (first, second, idle):
        turn = iter(together)
        memory.exchange(lambda rows, turn=turn: next(turn))
        assert recalled(memory, 7, 2, 4, 3) == [70, 20, 40, -1]
    restored = ExampleMemory()
    restored.restore(first.whole(lambda rows: rows), lambda rows: rows[::2])
    assert recalled(restored, 7, 2, 4, 3) == [70, 20, 40, -1]


def test_places_are_shared_out():
    memory, restored = Memory(), Memory()
    memory.keep(torch.arange(5.0)[:, None])
    restored.restore(memory.whole(lambda rows: rows), lambda rows: rows[1::2])
    assert restored.rows.tolist() == [[1.0], [3.0]]


def test_memories_are_found_inside_of_other_parts():
    free = Free(CrossEntropy())
    objective = AdaptiveRadius(free)
    assert list(parts(Remembered, [objective, {"free": free}])) == [
        free.perturbation,
        objective.shares,
        free.perturbation,
    ]


def test_validation_leaves_no_trace_in_where_the_next_batch_begins():
    start = Previous()
    attack, x, y = FGSM(CrossEntropy(), start=start), torch.rand(2, 3), torch.tensor([0, 1])
    network = torch.nn.Linear(3, 2)
    with torch.no_grad():
        attack(network, LinfBall(0.1).at(x), y, noise=Noise.of(0, torch.arange(2)))
    assert start.last.rows is None
    attack(network, LinfBall(0.1).at(x), y, noise=Noise.of(0, torch.arange(2)))
    assert start.last.rows.shape == x.shape
