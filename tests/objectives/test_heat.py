"""Smoothing by the heat equation, by the checks of its method card."""

import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from hauberk.concepts.initialisation import Initialisation
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.objectives import HeatSmoothing
from hauberk.threats import L2Ball
from laws.networks import images, labels, network
from step_counts import StepCounts

B, CLASSES, THREAT = 8, 4, L2Ball(0.1)


def smooth(seed=0, inputs=6, classes=CLASSES):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 9), nn.Tanh(), nn.Linear(9, classes)).double()


def points(count, seed=0, inputs=6):
    return torch.rand(count, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def value(objective, net, x, y=None, step=0, steps=9):
    y = torch.zeros(len(x), dtype=torch.long) if y is None else y
    noise = Noise.of(0, torch.arange(len(x))).fold(step)
    return objective(net, x, y, THREAT, progress=Progress(step, steps, 3), noise=noise)


def gradient(loss, net):
    weights = list(net.parameters())
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in found])


def jacobian(net, x):
    return torch.autograd.functional.jacobian(lambda z: net(z[None])[0], x)


def estimates(objective, net, x):
    """Return the estimates for each example, and their combinations of logits."""
    noise, x = Noise.of(0, torch.arange(len(x))), x.clone().requires_grad_()
    return objective.slopes(net, x, net(x), noise), noise.normal((objective.directions, CLASSES), x.dtype)


def test_the_penalty_is_unbiased_and_as_printed_is_directions_over_classes_times_it():
    net, x = smooth(), points(1)
    wanted = jacobian(net, x[0]).square().sum()
    found, _ = estimates(HeatSmoothing(1.0, directions=1, delta=1e-4), net, x.expand(10_000, -1))
    assert abs(found.mean() / wanted - 1).item() < 0.02
    for directions in (1, 6):
        printed = HeatSmoothing(1.0, directions=directions, delta=1e-4, normalisation="as-printed")
        found = estimates(printed, net, x.expand(2000, -1))[0] / wanted
        assert abs(found.mean() - directions / CLASSES) < 3 * found.std() / 2000**0.5


def test_finite_differences_are_nearly_exact_and_zero_where_there_is_no_slope():
    net, x = smooth(), points(B)
    found, w = estimates(HeatSmoothing(1.0, delta=1e-3), net, x)
    exact = torch.stack([(w[i] @ jacobian(net, x[i])).square().sum(1).mean() for i in range(B)])
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=0)
    nn.init.zeros_(net[0].weight)
    flat = value(HeatSmoothing(1.0), net, x)
    assert flat.parts["penalty"] == 0
    assert gradient(flat.loss, net).isfinite().all()


def test_gradients_flow_through_both_ends_and_nearly_are_the_exact_ones():
    net, x = smooth(), points(B).requires_grad_()
    found, w = estimates(HeatSmoothing(1.0, delta=0.01), net, x)
    found, w, out = gradient(found.mean(), net), w.movedim(1, 0), net(x)
    up = torch.stack([torch.autograd.grad((row * out).sum(), x, create_graph=True)[0] for row in w])
    exact = gradient(up.square().sum(2).mean(), net)
    assert torch.cosine_similarity(found, exact, dim=0) > 0.999
    there = net((x + 0.01 * up / up.norm(dim=2, keepdim=True)).detach().flatten(0, 1)).view_as(w)
    both, start, end = (
        gradient(((w * (b - a)).sum(2) / 0.01).square().mean(), net)
        for a, b in ((out, there), (out, there.detach()), (out.detach(), there))
    )
    torch.testing.assert_close(found, both, rtol=1e-9, atol=1e-9)
    assert all((found - one).norm() > found.norm() for one in (start, end))


def blurred(objective, f, length):
    """Return the solution on a periodic grid: where the gradient of every timestep's loss vanishes, by Fourier."""
    k = 2 * math.pi * torch.fft.fftfreq(len(f), length / len(f), dtype=torch.float64)
    step = 1 / (1 + 2 * objective.coefficient * k**2)
    gauss = [torch.exp(-((width * k) ** 2) / 2) for width in (objective.sigma, 2**0.5 * objective.sigma)]
    return [torch.fft.ifft(torch.fft.fft(f) * g).real for g in (step**objective.timesteps, *gauss)]


def test_timesteps_tend_to_the_average_over_the_noise_and_as_printed_to_a_wider_one():
    f = (torch.arange(512) < 256).double()
    exact, averaged, wider = blurred(HeatSmoothing(0.1, timesteps=500), f, 1.0)
    assert (exact - averaged).abs().max() < 2e-4
    printed = blurred(HeatSmoothing(0.1, timesteps=500, diffusion="as-printed"), f, 1.0)[0]
    assert (printed - wider).abs().max() < 2e-4
    assert (printed - averaged).abs().max() > 0.05
    fivefold = HeatSmoothing(0.1, timesteps=500, gamma=5)
    assert fivefold.coefficient == pytest.approx(5 * HeatSmoothing(0.1, timesteps=500).coefficient)


class Wave(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x):
        return self.size * torch.cos(3 * x)


@pytest.mark.parametrize(("diffusion", "widened"), [("exact", 1), ("as-printed", 2)])
def test_the_loss_of_a_wave_is_least_where_one_implicit_step_leads(diffusion, widened):
    x, wave = torch.linspace(0, 2 * math.pi, 40_001, dtype=torch.float64)[1:, None], Wave()
    objective = HeatSmoothing(0.4, directions=1, delta=1e-3, diffusion=diffusion)
    value(objective, wave, x)
    wave.size.data.fill_(1 / (1 + widened * (0.4 * 3) ** 2 / 2))
    assert abs(gradient(value(objective, wave, x, step=1).loss, wave)) < 0.01


@pytest.mark.parametrize("distance", ["logits", "softmax"])
def test_the_target_is_the_network_as_it_was_when_the_timestep_began(distance):
    net, x, objective = smooth(), points(B), HeatSmoothing(0.3, timesteps=3, distance=distance)

    def apart(other):
        one, two = (n(x).softmax(1) if distance == "softmax" else n(x) for n in (net, other))
        return (one - two).square().sum(1).mean() / 2

    for step in range(9):
        if step % 3 == 0:
            then = deepcopy(net)
        for _ in range(2):  # a step's loss may be asked for twice
            found = value(objective, net, x, step=step)
            torch.testing.assert_close(found.parts["distance"], apart(then), rtol=0, atol=1e-12)
        torch.testing.assert_close(found.loss, sum(found.parts.values()), rtol=0, atol=0)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
            held_out = value(objective, net, x, step=min(step + 1, 8))  # leaves no trace
            torch.testing.assert_close(held_out.parts["distance"], apart(then), rtol=0, atol=1e-12)


class Ones(Initialisation):
    def __call__(self, network, example, generator):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(0.1)


def test_with_a_base_every_timestep_starts_from_the_initial_weights():
    net, x, objective = smooth(), points(B), HeatSmoothing(0.3, timesteps=2, base=Ones())
    initial, base = deepcopy(net), deepcopy(net)
    Ones()(base, x, torch.Generator())
    for step, target in ((0, base), (5, None)):
        target = target or deepcopy(net)
        found = value(objective, net, x, step=step)
        assert torch.equal(gradient(net(x).sum(), net), gradient(initial(x).sum(), initial))
        distance = (initial(x) - target(x)).square().sum(1).mean() / 2
        torch.testing.assert_close(found.parts["distance"], distance, rtol=0, atol=1e-12)
        net[0].weight.data += 1


def test_noise_meets_a_share_of_the_examples_and_never_the_target_and_labels_only_count():
    graph, x, y, seen = network("dense", 1), images(500, 1), labels(500, 1), []
    handle = graph.module.register_forward_pre_hook(lambda module, given: seen.append((given[0], module.training)))
    state = torch.get_rng_state()
    found = value(HeatSmoothing(0.5, noisy_share=0.3, directions=2), graph, x, y)
    handle.remove()
    assert torch.equal(state, torch.get_rng_state())
    *check, (noisy, _), (target, training), (moved, _) = seen
    assert [torch.equal(given, x) for given, _ in check] == [True, True], "two passes that must agree"
    assert torch.equal(target, x)
    assert not training
    chosen = (noisy != x).flatten(1).any(1)
    assert abs(chosen.double().mean() - 0.3) < 0.07
    assert abs((noisy - x)[chosen].std() / 0.5 - 1) < 0.05
    lengths = (moved.unflatten(0, (2, -1)) - noisy).flatten(2).norm(dim=2)
    assert torch.minimum((lengths - 0.1).abs(), lengths).max() < 1e-9  # no step where there is no slope
    assert (lengths > 0).double().mean() > 0.9
    other = value(HeatSmoothing(0.5, noisy_share=0.3, directions=2), graph, x, (y + 1) % 4)
    assert torch.equal(found.loss, other.loss)
    assert torch.equal(found.correct, graph(noisy).argmax(1) == y)
    assert not (found.correct & other.correct).any()


def test_running_statistics_move_once_and_no_step_waits_for_the_device():
    graph, x, y = network("convolutional", 2), images(B, 2), labels(B, 2)
    objective, norm, modes = HeatSmoothing(0.3, noisy_share=0.5), graph.module[1], []
    start = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    graph.module.train()
    handle = norm.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    try:
        value(HeatSmoothing(0.3), graph, x, y)
        assert modes == [True, True, True, False, True]  # a check by two passes; the target between loss and slopes
        moved = {name: buffer.clone() for name, buffer in norm.named_buffers()}
        norm.load_state_dict(start, strict=False)
        graph.module(x)
        for name, buffer in norm.named_buffers():
            torch.testing.assert_close(moved[name], buffer, rtol=0, atol=1e-12)
        value(objective, graph, x, y)  # a timestep's beginning waits once
        for step in (1, 2):
            with StepCounts() as counts:
                value(objective, graph, x, y, step).loss.backward()
            assert not counts.waits
    finally:
        handle.remove()
        graph.module.eval()


class Dropped(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5, self.training)


def test_what_it_cannot_do_is_refused(unchecked):
    for drawing in (nn.Dropout(0.1), nn.RReLU(), Dropped()):
        module = nn.Sequential(smooth(), drawing)
        with pytest.raises(UnsupportedOpError, match="two passes of the network in training mode differ"):
            value(HeatSmoothing(0.1), module, points(B))
        assert value(HeatSmoothing(0.1), module.eval(), points(B)).loss.isfinite()
    with pytest.raises(InputError, match="5 timesteps need as many steps, but training has 4"):
        value(HeatSmoothing(0.1, timesteps=5), smooth(), points(B), steps=4)
    for name in ("timesteps", "directions"):
        with pytest.raises(InputError, match=f"{name} to be a positive integer, but it is 2.5"):
            HeatSmoothing(**{"sigma": 1.0, name: 2.5})
    with pytest.raises(InputError, match="sigma to be a positive number, but it is inf"):
        HeatSmoothing(math.inf)
    for name in ("sigma", "timesteps", "directions", "delta", "gamma"):
        with pytest.raises(InputError, match=f"HeatSmoothing needs {name} to be a positive .*, but it is 0"):
            HeatSmoothing(**{"sigma": 1.0, name: 0})
    with pytest.raises(InputError, match="noisy_share to be a share"):
        HeatSmoothing(0.1, noisy_share=1.5)
    with pytest.raises(InputError, match="distance to be 'logits' or 'softmax', but it is 'margin'"):
        HeatSmoothing(0.1, distance="margin")


@pytest.mark.parametrize("scale", [1e-30, 1e-24, 1e-12, 1e12])
def test_slopes_of_any_size_are_measured_over_the_same_distance(scale):
    module = nn.Linear(50, 3)
    with torch.no_grad():
        module.weight.copy_(torch.randn(3, 50, generator=torch.Generator().manual_seed(0)) * scale)
        module.bias.zero_()
    x, noise = torch.rand(4, 50), Noise.of(0, torch.arange(4))
    objective = HeatSmoothing(sigma=1.0, directions=200)
    found = objective(module, x, torch.zeros(4).long(), L2Ball(0.1), progress=Progress(0, 1, 1), noise=noise)
    exact = module.weight.double().square().sum().item() / 4
    assert found.parts["penalty"].item() == pytest.approx(exact, rel=0.5, abs=1e-30)


def test_differences_are_taken_in_full_precision_under_autocast():
    net, x = smooth().float(), points(B).float()
    exact = value(HeatSmoothing(0.3), net, x)
    with torch.autocast("cpu", torch.bfloat16):
        found = value(HeatSmoothing(0.3), net, x)
    assert torch.equal(found.loss, exact.loss)


def test_the_choice_of_images_says_nothing_of_their_noise():
    x = torch.zeros(4000, 1, dtype=torch.float64)
    moved = HeatSmoothing(1.0, noisy_share=0.5).points(x, Noise.of(0, torch.arange(4000)))
    noise = moved[moved != 0]
    assert abs(len(noise) - 2000) < 5 * 1000**0.5
    assert abs((noise > 0).double().mean() - 0.5) < 5 * 0.5 / 2000**0.5
