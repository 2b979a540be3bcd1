"""Batch norm under bounds: the statistics of clean batches in training, the running ones in certificates."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.datasets import Generated
from hauberk.evaluation import Evaluator
from hauberk.evaluation.records import read_records
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer
from hauberk.verification import ByBound
from hauberk.weights import load_weights

THREAT = LinfBall(0.02)
VERIFIER = ByBound(Interval(), "interval")


def normed() -> nn.Sequential:
    layers = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(24, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def lower(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the least certified margin of each example."""
    subject = NetworkSubject(network, capture(network, x[:2]))
    return VERIFIER(subject, THREAT.at(x), LinearSpec.margins(y, 3)).lower.amin(1)


def test_what_is_reported_is_the_certificate_of_the_network_that_ships(tmp_path: Path):
    torch.manual_seed(0)
    network, data = normed(), Generated([1, 4, 4], 3, train=120, test=40)
    objective = Certified(Interval(), CrossEntropy(), Constant(0.5))
    Trainer(objective, 12, Constant(0.01), batch=24, held_out=0).fit(network, data.train(), THREAT, tmp_path)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    Evaluator({}, [VERIFIER]).evaluate(network, data.test(), THREAT, tmp_path / "evaluation")
    records = read_records(tmp_path / "evaluation/records")
    chosen = records["lower"].is_not_null()
    reported, chosen = records["lower"].filter(chosen).to_torch(), chosen.to_torch()
    assert len(reported) > 20

    loaded = normed()
    load_weights(loaded, tmp_path / "model.safetensors")
    x, y = data.test().batch(slice(None))
    torch.testing.assert_close(lower(loaded.eval(), x, y)[chosen], reported, rtol=1e-6, atol=1e-6)
    folded = nn.Sequential(fuse_conv_bn_eval(*loaded[:2]), *loaded[2:4], fuse_linear_bn_eval(*loaded[4:6]), *loaded[6:])
    torch.testing.assert_close(lower(folded.eval(), x, y)[chosen], reported, rtol=1e-4, atol=1e-4)

    seen = BoundedPass.of(capture(network.train(), x[:2]), x, y, THREAT)
    of_batch = Interval()(seen.graph, seen.S, seen.spec, outward=False).lower.amin(1)
    assert (of_batch[chosen] - reported).abs().max() > 0.01
