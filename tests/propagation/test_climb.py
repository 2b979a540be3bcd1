"""Projected Adam on the lines of relaxations."""

import torch

from hauberk.bounds import BackwardLinear
from hauberk.concepts.slopes import Given
from hauberk.propagation.climb import Climb
from hauberk.threats import LinfBall
from laws.networks import images, network

DTYPE = torch.float64


def problem():
    graph, S = network("dense", 2).frozen(), LinfBall(0.3).at(images(3, 2))
    return graph, BackwardLinear().boxes(graph, S, outward=False)


def test_every_example_keeps_the_choices_that_were_worth_most_to_it():
    """Example i is worth most at iterate i, where its choices are compared with what is returned."""
    graph, boxes = problem()
    asked = []

    def worth(slopes):
        asked.append({index: choice.detach().clone() for index, choice in slopes.choices.items()})
        total = torch.stack([choice.flatten(1).sum(1) for choice in slopes.choices.values()]).sum(0)
        peak = torch.arange(3) == len(asked) - 1
        return 1e-6 * total + peak * 10.0

    kept = Climb(2, 0.1, 0.98).best(graph, boxes, len(graph.nodes), worth)
    assert isinstance(kept, Given)
    assert len(asked) == 3
    for index, choice in kept.choices.items():
        torch.testing.assert_close(choice, torch.stack([asked[i][index][i] for i in range(3)]), rtol=0, atol=0)


def test_steps_lead_uphill_and_stay_among_the_choices():
    graph, boxes = problem()
    sums = []

    def worth(slopes):
        total = torch.stack([choice.flatten(1).sum(1) for choice in slopes.choices.values()]).sum(0)
        sums.append(total.sum().item())
        return total

    kept = Climb(30, 0.1, 1.0).best(graph, boxes, len(graph.nodes), worth)
    assert sums[0] < sums[5] < sums[-1]
    assert min(choice.min().item() for choice in kept.choices.values()) == 1


def test_without_steps_nothing_is_asked():
    graph, boxes = problem()

    def worth(slopes):
        raise AssertionError("nothing moves, so that nothing is asked")

    kept = Climb(0, 0.1, 0.98).best(graph, boxes, len(graph.nodes), worth)
    assert all(((choice == 0) | (choice == 1)).all() for index, choice in kept.choices.items() if index > 1)
