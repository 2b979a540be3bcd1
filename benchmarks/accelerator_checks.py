"""What must hold on a device before its times count: the same results as on a CPU, sound bounds, exact resumption."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import accelerator_loops as loops
import torch
from accelerator_cases import ENTROPY, IBP, ONE_STEP
from accelerator_loops import Loop
from accelerator_setting import Setting, captured
from torch import Tensor

from hauberk.asked import asked
from hauberk.attacks import APGD, FGSM, PGD, Square
from hauberk.bounds import BackwardLinear, DualNetwork, Interval, OptimizedLinear, Projected
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.concepts.specification import LinearSpec
from hauberk.losses import Margin
from hauberk.sampling.smoothed_network import ESTIMATION, SmoothedNetwork, Smoothing
from hauberk.schedules import Constant
from hauberk.smoothing import Gaussian
from hauberk.threats import L1Ball, L2Ball, LinfBall
from hauberk.training import Trainer
from hauberk.verification import ByBound

Found = tuple[bool, str]
"""Whether a check passed, and its figures."""
CLOSE = 1e-9
BOUNDERS = [Interval(), BackwardLinear(Interval()), BackwardLinear(), DualNetwork(), OptimizedLinear(3), Projected(10)]
ATTACKS = [FGSM(ENTROPY), PGD(ENTROPY, 10), APGD(ENTROPY, 10), Square(Margin(), 20)]
BALLS = [LinfBall(0.1), L2Ball(0.5), L1Ball(2.0)]
CPU = torch.device("cpu")
EXAMPLES = 8


def far(results: Callable[[Setting], list[Tensor]], setting: Setting) -> Found:
    """Return whether results in float64 on the device are those of the CPU, and the largest difference."""
    sides = (results(Setting(device, setting.tiny, setting.seed)) for device in (setting.device, CPU))
    gaps = [float((own.cpu() - other).abs().max()) for own, other in zip(*sides, strict=True)]
    gap = largest(gaps)
    return gap <= CLOSE, f"largest difference {gap:.1e}"


def largest(gaps: list[float]) -> float:
    """Return the largest number, or NaN if one is: Python's own `max` may pass it over."""
    return torch.tensor(gaps, dtype=torch.float64).max().item()


def bounds(setting: Setting) -> list[Tensor]:
    """Return margins by every method."""
    graph = captured(setting, "by PGD", torch.float64)
    S, y = LinfBall(0.1).at(inputs(setting)), labels(setting)
    spec, noise = LinearSpec.margins(y, 10, torch.float64), noise_of(setting)
    with torch.no_grad():
        return [bounder(graph, S, spec, outward=False, noise=noise).lower for bounder in BOUNDERS]


def attacks(setting: Setting) -> list[Tensor]:
    """Return the answers of attacks with the same noise."""
    network, S = setting.network("by PGD").double().eval(), LinfBall(0.1).at(inputs(setting))
    return [attack(network, S, labels(setting), noise=noise_of(setting)) for attack in ATTACKS]


def projections(setting: Setting) -> list[Tensor]:
    """Return points projected onto balls."""
    x = inputs(setting)
    outside = x + noise_of(setting).uniform(x.shape[1:], torch.float64) - 0.5
    return [ball.at(x).project(outside) for ball in BALLS]


def smoothing(setting: Setting) -> list[Tensor]:
    """Return votes under noise."""
    smooth = SmoothedNetwork(setting.network("by PGD").double().eval(), Smoothing(Gaussian(0.25), rows=64))
    return [smooth.votes(inputs(setting), ESTIMATION, 256).double()]


def sound(setting: Setting) -> Found:
    """Return whether certified margins in float32 hold, with products of lower precision allowed in the process."""
    x, y, network = inputs(setting), labels(setting), setting.network("by PGD").eval()
    subject, S, spec = asked(network, x.float()), LinfBall(0.1).at(x.float()), LinearSpec.margins(labels(setting), 10)
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    try:
        found = [ByBound(bounder)(subject, S, spec).lower for bounder in BOUNDERS[:4]]
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
    network.double()
    points = [attack(network, LinfBall(0.1).at(x), y, noise=noise_of(setting)).cpu() for attack in ATTACKS]
    network, y = network.cpu(), y.cpu()
    with torch.no_grad():
        logits = torch.stack([network(z) for z in points])
    wrong = torch.arange(10) != y[:, None]
    reached = (logits.gather(2, y.expand(len(points), -1)[..., None]) - logits).amin(0)[wrong].view(len(y), 9)
    least = -largest([-float((reached - lower.double().cpu()).min()) for lower in found])
    return least >= 0, f"attacked margins are at least {least:.1e} above bounds"


def by_hand(setting: Setting) -> Found:
    """Return whether the plain loop of interval training minimises what Hauberk does."""
    x, y, gaps = inputs(setting).float(), labels(setting), []
    for name in ("small", "CNN7"):
        network = setting.network(name).train()
        own = IBP(capture(network, x), x, y, LinfBall(0.1), progress=Progress(0, 1, 1), noise=noise_of(setting)).loss
        plain = loops.interval(Loop(network, x, y, 0.1, loops.interval), x, y)
        gaps.append(float((own - plain).abs().detach() / plain.detach()))
    return largest(gaps) <= 1e-3, f"largest relative difference {largest(gaps):.1e}"


def resumed(setting: Setting) -> Found:
    """Return whether a training that is killed and resumed ends with the weights of an unbroken one."""
    data = setting.digits(64)
    trainer = Trainer(ONE_STEP, 1, Constant(1e-3), 16, held_out=0, checkpoint_steps=1, log_steps=1, seed=setting.seed)
    broken, whole = setting.network("small"), setting.network("small")

    def killed(record: dict[str, object]) -> None:
        if record.get("step") == 2:
            raise KeyboardInterrupt

    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            trainer.fit(whole, data, LinfBall(0.1), Path(folder) / "whole")
            try:
                trainer.fit(broken, data, LinfBall(0.1), Path(folder) / "broken", watch=killed)
            except KeyboardInterrupt:
                trainer.fit(broken, data, LinfBall(0.1), Path(folder) / "broken", resume=True)
            else:
                return False, "nothing killed it"
    finally:
        torch.use_deterministic_algorithms(False)
    pairs = zip(whole.parameters(), broken.parameters(), strict=True)
    gap = largest([float((a - b).detach().abs().max()) for a, b in pairs])
    return gap == 0, f"largest difference {gap:.1e}"


def inputs(setting: Setting) -> Tensor:
    """Return a few images in float64."""
    return setting.digits(EXAMPLES).batch(slice(None))[0].double()


def labels(setting: Setting) -> Tensor:
    """Return their labels."""
    return setting.digits(EXAMPLES).labels


def noise_of(setting: Setting) -> Noise:
    """Return the noise of their searches."""
    return Noise.of(setting.seed, torch.arange(EXAMPLES, device=setting.device))


CHECKS: dict[str, Callable[[Setting], Found]] = {
    "bounds as on the CPU": lambda setting: far(bounds, setting),
    "attacks as on the CPU": lambda setting: far(attacks, setting),
    "projections as on the CPU": lambda setting: far(projections, setting),
    "votes as on the CPU": lambda setting: far(smoothing, setting),
    "bounds sound with TF32 allowed": sound,
    "intervals as by hand": by_hand,
    "resumed as unbroken": resumed,
}
