"""Published attacks on transformations and perceptual distances."""

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.presets import LPA, PPGD, JPEGAscent, ReColorAdv, StAdv
from hauberk.threats import JPEG, Flow, Perceptual, Recolor
from laws.networks import images, labels, network

B = 6
HOMES = [
    (StAdv(steps=5), Flow(0.5)),
    (ReColorAdv(steps=5), Recolor(0.1)),
    (JPEGAscent(steps=5), JPEG(0.5)),
    (LPA(steps=2), Perceptual(Perceptual.cases()["network"][0])),
    (PPGD(steps=3), Perceptual(Perceptual.cases()["network"][0])),
]


@pytest.mark.parametrize(("attack", "threat"), HOMES, ids=lambda each: type(each).__name__)
def test_each_attack_answers_with_members_of_its_set_and_finds_no_less_than_the_start(attack, threat):
    graph, x, y = network("convolutional", 3), images(B, 3), labels(B, 3)
    S = threat.at(x)
    z = attack(graph, S, y, noise=Noise.of(0, torch.arange(B)))
    assert S.contains(z).all()
    missed = [graph(S.decode(point)).argmax(1) != y for point in (S.start, z)]
    assert (missed[1] >= missed[0]).all()


def test_parameters_are_the_published_ones():
    assert (StAdv().steps, StAdv().rate, StAdv().smoothness) == (100, 0.01, 0.0025)
    assert (ReColorAdv().steps, ReColorAdv().rate, ReColorAdv().smoothness) == (100, 0.001, 0.0036)
    assert JPEGAscent().step == pytest.approx(JPEGAscent().steps ** -0.5)
    assert (LPA().rounds, LPA().steps, LPA().weight / 0.5) == (5, 40, 0.01)
    assert PPGD().step == pytest.approx(2 / PPGD().steps)
    assert (Flow().eps, Recolor().eps, JPEG().eps) == (0.05, 0.06, 0.25)
