"""Recipes beside the settings of the papers and their released code: what they train for how long, and their radii."""

import pytest
import torch
from torch import nn

from hauberk.concepts.schedule import Progress
from hauberk.recipe import shipped_recipes
from longer import mostly_later
from test_recipes import published

PLAIN = {"lr": 1e-3, "weight_decay": 0}
SGD = {"momentum": 0.9, "weight_decay": 5e-4}
LINF = {"betas": (0.9, 0.99), "eps": 1e-10}

SETTINGS = [
    ("mnist-polytope-exact", "", 60, 50, torch.optim.Adam, PLAIN),
    ("mnist-polytope-projected", "", 60, 50, torch.optim.Adam, PLAIN),
    ("cifar10-polytope-projected", "", 60, 50, torch.optim.SGD, SGD),
    ("cifar10-polytope-projected", "eps-8", 60, 50, torch.optim.SGD, SGD),
    ("cifar10-wasserstein", "certified", 60, 50, torch.optim.SGD, SGD),
    ("cifar10-wasserstein", "", 20, 128, torch.optim.SGD, SGD),
    ("mnist-tightened", "", 80, 50, torch.optim.Adam, PLAIN),
    ("mnist-tightened", "crown-ibp", 200, 256, torch.optim.Adam, PLAIN),
    ("mnist-cnn7-0.1", "", 70, 256, torch.optim.Adam, PLAIN),
    ("mnist-cnn7-0.3", "", 70, 256, torch.optim.Adam, PLAIN),
    ("cifar10-cnn7-2", "", 160, 128, torch.optim.Adam, PLAIN),
    ("cifar10-cnn7-8", "", 240, 128, torch.optim.Adam, PLAIN),
    ("cifar10-hamming", "", 100, 128, torch.optim.SGD, SGD),
    ("cifar10-hamming-verified", "", 100, 128, torch.optim.SGD, SGD),
    ("mnist-hamming", "", 100, 128, torch.optim.SGD, SGD),
    ("cifar10-fgsm", "", 30, 128, torch.optim.SGD, SGD),
    ("cifar10-fgsm", "short", 15, 128, torch.optim.SGD, SGD),
    ("cifar10-pgd", "", 40, 128, torch.optim.SGD, SGD),
    ("cifar10-free", "", 12, 128, torch.optim.SGD, SGD),
    ("cifar10-free", "short", 10, 128, torch.optim.SGD, SGD),
    ("cifar10-overfitting", "", 200, 128, torch.optim.SGD, SGD),
    ("cifar10-overfitting", "multiple", 500, 128, torch.optim.SGD, SGD),
    ("cifar10-overfitting-l2", "", 200, 128, torch.optim.SGD, SGD),
    ("cifar10-overfitting-wide", "", 200, 128, torch.optim.SGD, SGD),
    ("cifar10-overfitting-regularized", "cutout", 200, 128, torch.optim.SGD, SGD),
    ("cifar10-overfitting-fgsm", "cyclic", 50, 128, torch.optim.SGD, SGD),
    ("cifar10-trades", "", 200, 128, torch.optim.SGD, {"momentum": 0.9, "weight_decay": 2e-4}),
    ("cifar100-overfitting", "", 200, 128, torch.optim.SGD, SGD),
    ("svhn-overfitting", "", 200, 128, torch.optim.SGD, SGD),
    ("imagenet-overfitting", "", 150, 256, torch.optim.SGD, {"momentum": 0.9, "weight_decay": 1e-4}),
    ("cifar10-union", "", 50, 128, torch.optim.SGD, SGD),
    ("mnist-fgsm-ablation", "", 10, 100, torch.optim.Adam, PLAIN),
    ("mnist-linf-dist", "", 400, 512, torch.optim.Adam, LINF),
    ("mnist-linf-dist", "boosted", 450, 512, torch.optim.Adam, LINF),
    ("mnist-linf-dist", "sortnet", 1500, 512, torch.optim.AdamW, LINF | {"weight_decay": 0.02}),
    ("mnist-linf-dist-0.1", "", 450, 512, torch.optim.Adam, LINF),
    ("fashion-mnist-linf-dist", "", 400, 512, torch.optim.Adam, LINF),
    ("cifar10-linf-dist", "", 800, 512, torch.optim.Adam, LINF),
    ("cifar10-linf-dist", "boosted-8", 1300, 512, torch.optim.Adam, LINF),
    ("cifar10-linf-dist", "sortnet-8", 3000, 512, torch.optim.AdamW, LINF | {"weight_decay": 0.02}),
    ("cifar10-smoothing", "ordinary", 200, 100, torch.optim.SGD, {"momentum": 0.9}),
    ("cifar10-heat", "", 1000, 100, torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0}),
]


@pytest.mark.parametrize(("name", "variant", "epochs", "batch", "optimizer", "options"), mostly_later(SETTINGS))
def test_training_takes_the_papers_epochs_batches_and_optimizer(name, variant, epochs, batch, optimizer, options):
    trainer = published(name, variant)["trainer"]
    made = trainer.optimizer(nn.Linear(2, 2).parameters())
    assert (trainer.epochs, trainer.batch) == (epochs, batch)
    assert isinstance(made, optimizer)
    assert {key: made.defaults[key] for key in options} == options


@pytest.mark.parametrize("name", mostly_later(sorted({name for name, *_ in SETTINGS})))
def test_a_recipe_says_that_it_trains_on_fewer_images_than_the_paper(name):
    head, _, _ = shipped_recipes()[name].partition("\nseed:")
    assert bool(published(name)["trainer"].held_out) == ("held out" in head or "held-out" in head)


def radius(name, variant, epoch):
    """Return the radius of training at a time in epochs, of 400 steps each, in units of the input."""
    recipe = published(name, variant)
    steps = recipe["trainer"].epochs * 400
    return recipe["trainer"].radius(Progress(round(epoch * 400), steps, 400)) * recipe["training_threat"].eps


@pytest.mark.parametrize(
    ("name", "variant", "radii"),
    [
        ("mnist-polytope-exact", "", {0: 0.01, 10: 0.055, 20: 0.1, 59: 0.1}),
        ("mnist-polytope-projected", "", {0: 0.01, 10: 0.055, 20: 0.1, 59: 0.1}),
        ("cifar10-polytope-projected", "", {0: 0.225 * 0.001, 20: 2 / 255, 59: 2 / 255}),
        ("cifar10-polytope-projected", "eps-8", {0: 0.225 * 0.001, 20: 8 / 255, 59: 8 / 255}),
        ("cifar10-wasserstein", "certified", {0: 0.225 * 0.001, 20: 2 / 255, 59: 2 / 255}),
        ("mnist-tightened", "", {0: 0.01, 10: 0.055, 20: 0.1, 79: 0.1}),
        ("mnist-cnn7-0.1", "", {0: 0, 20: 0.2, 69: 0.2}),
        ("mnist-cnn7-0.3", "", {0: 0, 20: 0.3, 69: 0.3}),
        ("mnist-cnn7-0.3", "taps", {0: 0, 20: 0.4}),
        ("cifar10-cnn7-2", "", {0: 0, 1: 0, 81: 2 / 255}),
        ("cifar10-cnn7-2", "sabr", {1: 0, 81: 3 / 255}),
        ("cifar10-cnn7-8", "", {0: 0, 1: 0, 121: 8 / 255}),
        ("mnist-hamming", "", {0: 0.075, 10: 0.075, 35: 0.3}),
        ("cifar10-hamming-verified", "", {0: 2 / 255, 22.5: 5 / 255, 35: 8 / 255}),
        ("mnist-linf-dist", "", {0: 0.45, 399: 0.45}),
        ("mnist-linf-dist", "mlp", {0: 0, 25: 0.175, 50: 0.35}),
        ("mnist-linf-dist-0.1", "", {0: 0.3}),
        ("fashion-mnist-linf-dist", "", {0: 0.225}),
        ("fashion-mnist-linf-dist", "mlp", {0: 0, 25: 0.055, 50: 0.11}),
        ("cifar10-linf-dist", "", {0: 40 / 255}),
        ("cifar10-linf-dist", "mlp", {0: 0, 50: 4.4 / 255, 100: 8.8 / 255}),
        ("cifar10-linf-dist", "convolutional", {0: 0, 50: 4.4 / 255, 100: 8.8 / 255}),
        ("cifar10-linf-dist", "boosted-2", {0: 10 / 255}),
        ("cifar10-linf-dist", "boosted-16", {0: 40 / 255}),
        ("cifar10-linf-dist", "sortnet-2", {0: 8 / 255}),
        ("cifar10-linf-dist", "sortnet-mlp-8", {0: 0, 500: 8.8 / 255, 2999: 8.8 / 255}),
        ("cifar10-overfitting", "", {0: 8 / 255, 199: 8 / 255}),
    ],
)
def test_radii_grow_as_in_the_papers(name, variant, radii):
    assert {epoch: radius(name, variant, epoch) for epoch in radii} == pytest.approx(radii, abs=2e-6)


@pytest.mark.parametrize(
    ("name", "variant", "begin", "finish", "weights"),
    [
        ("mnist-linf-dist", "", 50, 350, None),
        ("mnist-linf-dist", "boosted", 25, 400, (0.05, 0.0002)),
        ("mnist-linf-dist", "sortnet", 100, 1450, (0.02, 0.0002)),
        ("mnist-linf-dist-0.1", "", 25, 400, (0.05, 0.0002)),
        ("mnist-linf-dist-0.1", "sortnet", 100, 1450, (0.1, 0.001)),
        ("fashion-mnist-linf-dist", "", 50, 350, None),
        ("cifar10-linf-dist", "", 100, 750, None),
        ("cifar10-linf-dist", "boosted-2", 100, 1250, (0.05, 0.002)),
        ("cifar10-linf-dist", "boosted-8", 100, 1250, (0.1, 0.0005)),
        ("cifar10-linf-dist", "boosted-16", 100, 1250, (0.1, 0.0002)),
        ("cifar10-linf-dist", "sortnet-2", 200, 2950, (1, 0.01)),
        ("cifar10-linf-dist", "sortnet-8", 200, 2950, (0.2, 0.002)),
        ("cifar10-linf-dist", "sortnet-mlp-2", 200, 2950, (1, 0.01)),
    ],
)
def test_p_and_the_weight_of_cross_entropy_move_together_between_two_epochs(name, variant, begin, finish, weights):
    trainer = published(name, variant)["trainer"]
    objective = trainer.objective
    times = [Progress(epoch * 400, trainer.epochs * 400, 400) for epoch in (begin, (begin + finish) // 2, finish)]
    middle = ((begin + finish) // 2 - begin) / (finish - begin)
    assert [objective.p(time) for time in times] == pytest.approx([8, 8 * 125**middle, 1000], rel=1e-3)
    assert objective.exact_from * trainer.epochs == pytest.approx(finish, abs=0.01)
    if weights:
        first, last = weights
        expected = [first, first ** (1 - middle) * last**middle, last]
        assert [objective.objective.clean_weight(time) for time in times] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "penalties", "clean"),
    [
        (
            "mnist-cnn7-0.1",
            {"": 2e-6, "crown-ibp": 5e-6, "sabr": 1e-6, "taps": 2e-6, "staps": 5e-6, "mtl-ibp": 1e-5},
            dict.fromkeys(("", "crown-ibp", "sabr", "taps", "staps", "mtl-ibp"), 0.3),
        ),
        (
            "mnist-cnn7-0.3",
            {"": 2e-6, "crown-ibp": 1e-6, "sabr": 2e-6, "taps": 0, "staps": 1e-5, "mtl-ibp": 1e-6},
            {"": 0.3, "crown-ibp": 0.3, "sabr": 0, "taps": 0, "staps": 0.3, "mtl-ibp": 0},
        ),
        (
            "cifar10-cnn7-2",
            {"": 1e-6, "crown-ibp": 3e-6, "sabr": 1e-6, "taps": 2e-6, "staps": 1e-6, "mtl-ibp": 3e-6},
            {"": 0.2, "crown-ibp": 0, "sabr": 0, "taps": 0, "staps": 0, "mtl-ibp": 0.1},
        ),
        ("cifar10-cnn7-8", {}, dict.fromkeys(("", "crown-ibp", "sabr", "taps", "staps", "mtl-ibp"), 0)),
    ],
)
def test_weights_of_the_common_recipe_are_those_of_ctbench(name, penalties, clean):
    for variant, weight in clean.items():
        objective, penalty = published(name, variant)["trainer"].objective, penalties.get(variant, 0)
        assert getattr(objective, "penalty", 0) == penalty
        inner = objective.objective if penalty else objective
        assert inner.clean_weight(Progress(0, 1, 1)) == weight
