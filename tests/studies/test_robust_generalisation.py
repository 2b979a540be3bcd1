"""The bound on the robust test error against its statement, its lemma, and networks for which it says something."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from hauberk.architectures import LinfDistNet, LipschitzInterpolant
from hauberk.concepts.dataset import Dataset, Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.layers import LogitScale, LpDistance, LpDistance2d, MeanShift, Normalize
from hauberk.layers.distance_chain import distance_chain
from hauberk.studies import RobustGeneralisation
from hauberk.threats import L2Ball, LinfBall


@dataclass(frozen=True)
class Given(Dataset):
    """Examples in memory."""

    split: Split

    def train(self):
        return self.split

    def test(self):
        return self.split


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def two_clouds(count, seed=0, noise=0.0):
    """Points at a distance of at least 0.3 from the line x_1 = 0.5, of which a share has the wrong label."""
    x, y = torch.rand(count, 2, generator=seeded(seed), dtype=torch.float64), torch.arange(count) % 2
    x[:, 0] = 0.2 * x[:, 0] + 0.8 * y
    return Split(x, torch.where(torch.rand(count, generator=seeded(seed + 1)) < noise, 1 - y, y))


def along_first_coordinate():
    """A network of six parameters whose logits are -x_1 and x_1 - 1, so that margins are |2 x_1 - 1|."""
    network = nn.Sequential(LpDistance(2, 2, bias=True)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[-0.5, 0.5], [1.5, 0.5]]))
        network[0].bias.fill_(-0.5)
    return Negative(*network)


class Negative(nn.Sequential):
    def forward(self, x):
        return -super().forward(x)


def judge(network, split, threat=LinfBall(0.05), data=None, **arguments):
    study = RobustGeneralisation(Given(split), **arguments)
    subject = NetworkSubject(network, UnsupportedOpError("not captured"))
    return study(subject, split.select(slice(0, 7)) if data is None else data, threat)


def network_of(kind):
    """Networks of all layers, in eval mode, with a batch of inputs."""
    torch.manual_seed(0)
    images = torch.rand(5, 2, 6, 6, dtype=torch.float64)
    networks = {
        "dense": (LinfDistNet((4,), 3, [6, 5]), images.flatten(1)[:, :4]),
        "no identity": (LinfDistNet((2, 6, 6), 3, [8], identity=None, scaled=True), images),
        "normalised": (nn.Sequential(Normalize([0.4, 0.5], [0.25, 0.25]), LinfDistNet((2, 6, 6), 3, [8])), images),
        "convolution": (
            nn.Sequential(LpDistance2d(2, 4, 3, 2, 1), MeanShift(4), LpDistance2d(4, 4, 2), nn.Flatten(),
                          MeanShift(16), LpDistance(16, 3, bias=True), LogitScale()), images,
        ),
        "interpolant": (
            LipschitzInterpolant.separating(images, torch.arange(5) % 3, 3), images,
        ),
    }  # fmt: skip
    network, x = networks[kind]
    network = network.double().eval()
    for part in network.modules():
        if isinstance(part, MeanShift):
            part.running_mean.normal_()
    return network, x


TENSORS = {"dense": 6, "no identity": 4, "normalised": 4, "convolution": 6, "interpolant": 3}


@pytest.mark.parametrize("kind", TENSORS)
@torch.no_grad()
def test_parameters_that_move_by_t_move_logits_by_at_most_t_for_each_tensor(kind):
    network, x = network_of(kind)
    chain, logits = distance_chain(network, x), network(x)
    assert len(chain.parameters) == TENSORS[kind]
    learnt = [p for name, p in network.named_parameters() if not name.endswith("factor")]
    means = [part.running_mean for part in network.modules() if isinstance(part, MeanShift)]
    assert {id(p) for p in chain.parameters} == {id(p) for p in [*learnt, *means]}
    assert chain.count == sum(p.numel() for p in [*learnt, *means])
    kept, ratios = [p.clone() for p in chain.parameters], []
    for trial in range(60):
        t = (1e-3, 0.1, 3.0)[trial % 3]
        for p, was in zip(chain.parameters, kept, strict=True):
            move = 2 * torch.rand(p.shape, generator=seeded(trial), dtype=p.dtype) - 1
            p.copy_(was + t * (move.sign() if trial % 2 else move))
        ratios.append(((network(x) - logits).abs().max() / t).item())
    assert max(ratios) <= len(chain.parameters) + 1e-9
    assert max(ratios) > 0.5


@torch.no_grad()
def test_the_lemma_is_attained():
    network, x = LinfDistNet((1,), 1, [1, 1], identity=None).double().eval(), torch.ones(1, 1).double()
    chain = distance_chain(network, x)
    for p in chain.parameters:
        p.fill_(-1.0)
    logit = network(x).item()
    for p in chain.parameters:
        p += 0.5 if p is network[4].bias else -0.5  # the bias alone is added
    assert abs(network(x).item() - logit) == pytest.approx(0.5 * len(chain.parameters))


@pytest.mark.parametrize("kind", TENSORS)
@torch.no_grad()
def test_inputs_that_move_move_logits_by_at_most_the_stretch(kind):
    network, x = network_of(kind)
    stretch = distance_chain(network, x).stretch
    assert stretch == (4 if kind == "normalised" else 1)
    for trial in range(40):
        move = 0.1 * (2 * torch.rand(x.shape, generator=seeded(trial), dtype=x.dtype) - 1).sign()
        assert (network(x + move) - network(x)).abs().max() <= 0.1 * stretch + 1e-12


@pytest.mark.parametrize("cells", [1, 2, 3, 10])
def test_the_grid_of_the_proof_covers_the_cube(cells):
    step = 0.37
    coordinates = -cells * step + step + 2 * step * torch.arange(cells, dtype=torch.float64)
    within = torch.linspace(-cells * step, cells * step, 1001, dtype=torch.float64)
    assert (within[:, None] - coordinates).abs().amin(1).max() <= step + 1e-12


@pytest.mark.parametrize("kind", TENSORS)
@pytest.mark.parametrize(("slacks", "failure"), [([0.1], 0.05), ([0.023, 0.31, 40.0], 0.001)])
def test_terms_are_those_of_the_statement(kind, slacks, failure):
    network, x = network_of(kind)
    x = torch.cat([x + 0.01 * place for place in range(8)]).clamp(0, 1)
    split = Split(x, torch.arange(len(x)) % 3)
    found = judge(network, split, LinfBall(0.03), slacks=slacks, failure=failure)
    chain, n = distance_chain(network, x), len(x)
    with torch.no_grad():
        logits = network(x).tolist()
    margins = [row[k] - max(row[:k] + row[k + 1 :]) for row, k in zip(logits, split.labels.tolist(), strict=True)]
    assert found.table["slack"].to_list() == slacks
    for slack, row in zip(slacks, found.table.iter_rows(named=True), strict=True):
        stretch, step = chain.stretch, row["step"]
        # Both halves of the slack, margins' change by the grid, fill what remains of the threshold.
        assert 2 * stretch * 0.03 + 4 * len(chain.parameters) * step == pytest.approx(2 * stretch * (0.03 + slack))
        largest = max(p.abs().max().item() for p in chain.parameters)
        cells = next(m for m in range(1, 10**6) if m * step >= largest)
        # Hoeffding: each vector's own probability of failure, from the number of vectors as an integer.
        vectors = cells**chain.count * cells * (cells + 1)
        e = row["complexity"]
        assert 2 * n * e**2 == pytest.approx(math.log(vectors) + math.log(len(slacks) / failure), rel=1e-12)
        assert row["margin_error"] == sum(m <= 2 * stretch * (0.03 + slack) for m in margins) / n
        assert row["bound"] == row["margin_error"] + e
        assert row["vacuous"] == (row["bound"] >= 1)
        few, enough = (math.sqrt(2 * n * e**2 / (2 * count)) for count in (row["needed"] - 1, row["needed"]))
        assert few > 0.1 >= enough - 1e-12
        assert row["unseen_error"] == sum(m <= 2 * stretch * 0.03 for m in margins[:7]) / 7
        assert (row["examples"], row["unseen"], row["parameters"]) == (n, 7, chain.count)


def test_weights_of_all_grids_sum_to_no_more_than_the_failure():
    assert sum(1 / (cells * (cells + 1)) for cells in range(1, 10**5)) <= 1


def test_it_is_vacuous_for_networks_of_ordinary_size():
    torch.manual_seed(0)
    network, split = LinfDistNet((2,), 2, [40, 40]).double().eval(), two_clouds(2000)
    found = judge(network, split).table
    assert found["vacuous"].all()
    assert (found["needed"] > 2000).all()
    assert (found["parameters"] == 2 * 40 + 40 + 40 * 40 + 40 + 40 * 2 + 2).all()
    digits = Split(torch.rand(4, 1, 28, 28, generator=seeded()).double(), torch.arange(4))
    found = judge(LinfDistNet((1, 28, 28), 10, [1250]).double().eval(), digits).table
    assert (found["parameters"] > 980_000).all()
    assert (found["needed"] > 100 * 60_000).all()  # all digits of MNIST make a complexity above 1


def test_it_says_something_of_a_tiny_network_with_large_margins():
    # Margins |2 x_1 - 1| are 0.6 and more, 2 * (0.05 + 0.2) is less.
    found = judge(along_first_coordinate(), two_clouds(60_000), slacks=[0.2]).table.row(0, named=True)
    assert found["margin_error"] == found["unseen_error"] == 0
    assert not found["vacuous"]
    assert found["bound"] < 0.03


def test_the_bound_holds_for_the_best_of_many_networks():
    """The threshold is taken that errs least on the examples, and about a third of these are mislabelled."""
    unseen = two_clouds(2000, seed=99, noise=0.3)
    for seed in range(4):
        split, tables = two_clouds(400, seed=seed, noise=0.3), []
        for place in (0.1, 0.4, 0.45, 0.5, 0.55, 0.6, 0.9):
            network = along_first_coordinate()
            with torch.no_grad():
                network[0].bias += torch.tensor([0.5 - place, place - 0.5])
            tables.append(judge(network, split, data=unseen, slacks=[0.1, 0.2]).table)
        best = min(tables, key=lambda table: table["bound"].min())
        assert 0.2 < best["unseen_error"].min() < best["bound"].min() < 0.7


def test_only_the_first_examples_are_judged():
    split = two_clouds(50)
    assert (judge(along_first_coordinate(), split, examples=20).table["examples"] == 20).all()
    assert (judge(along_first_coordinate(), split, examples=80).table["examples"] == 50).all()


def test_margins_that_are_no_numbers_count_as_errors():
    split = two_clouds(10)
    split.inputs[9] = math.nan
    assert judge(along_first_coordinate(), split, slacks=[0.01]).table["margin_error"].item() == 0.1


class Doubled(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


def relaxed(p):
    layer = LpDistance(2, 2)
    layer.relax(p)
    return layer


def infinite():
    layer = LpDistance(2, 2)
    layer.weight.data[0, 0] = math.inf
    return layer


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda: nn.Sequential(LpDistance(2, 3), nn.ReLU(), LpDistance(3, 2)), r"layer 1 \(ReLU\) is of another kind"),
        (lambda: nn.Sequential(nn.Sequential(nn.Linear(2, 2))), r"layer 0\.0 \(Linear\)"),
        (lambda: nn.ModuleDict({"a": LpDistance(2, 2)}), r"layer network \(ModuleDict\)"),
        (lambda: nn.Sequential(LpDistance(2, 2), relaxed(8)), r"layer 1 \(LpDistance\) has p = 8"),
        (lambda: nn.Sequential(LpDistance(2, 2), infinite()), r"layer 1 \(LpDistance\) has parameters.*not finite"),
        (lambda: nn.Sequential(nn.Flatten(), LogitScale()), "no distance layer"),
        (lambda: Doubled(LpDistance(2, 2)), "Doubled are not those of its layers"),
    ],
)
def test_other_networks_are_refused(network, words):
    with pytest.raises(UnsupportedOpError, match=words):
        judge(network().double().eval(), two_clouds(10))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Normalize([0.0] * 2, [1.0, 2.0]), LpDistance2d(2, 2, 1)], r"layer 0 \(Normalize\) has std=\[1\.0, 2\.0\]"),
        ([LpDistance2d(2, 2, 1), Normalize([0.0], [1.0])], r"layer 1 \(Normalize\) follows"),
    ],
)
def test_other_normalisations_are_refused(layers, words):
    network = nn.Sequential(*layers, nn.Flatten()).double().eval()
    split = Split(torch.rand(4, 2, 1, 1).double(), torch.zeros(4, dtype=torch.long))
    with pytest.raises(UnsupportedOpError, match=words):
        judge(network, split)


def test_moving_means_other_threats_and_other_shapes_are_refused():
    network, split = along_first_coordinate(), two_clouds(10)
    with pytest.raises(InputError, match=r"network\.eval"):
        judge(nn.Sequential(LpDistance(2, 2), MeanShift(2)).double(), split)
    for threat in (L2Ball(0.1), LinfBall(torch.full((10,), 0.1))):
        with pytest.raises(UnsupportedSetError, match="l_inf ball of one radius"):
            judge(network, split, threat)
    with pytest.raises(ShapeError, match=r"\(10, 2\) do not fit those of \(10, 3\)"):
        judge(nn.Sequential(LpDistance(3, 2)).double(), split, data=Split(torch.rand(10, 3).double(), split.labels))
    with pytest.raises(InputError, match="labels must lie in"):
        judge(network, Split(split.inputs, split.labels + 1))


@pytest.mark.parametrize(
    "arguments",
    [
        *({"slacks": slacks} for slacks in ([], [0.1, 0.0], [math.inf], [math.nan])),
        *({"failure": 0.0}, {"failure": 1.0}, {"examples": 0}),
    ],
)
def test_arguments_without_meaning_are_refused(arguments):
    with pytest.raises(InputError, match=r"slacks|failure|examples"):
        RobustGeneralisation(Given(two_clouds(3)), **arguments)
