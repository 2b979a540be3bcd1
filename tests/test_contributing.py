"""The worked examples of CONTRIBUTING.md are parts like any other: they run, and obey the laws of their kind."""

import re
import sys
import types
from pathlib import Path

import pytest
import torch
import yaml

from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.lowering import CASES, RULES
from hauberk.concepts.objective import Objective
from hauberk.concepts.op import Elementwise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Study
from hauberk.concepts.subject import NetworkSubject
from hauberk.recipe import build
from hauberk.threats import LinfBall
from laws import test_attacks, test_bounds, test_certificates, test_losses, test_objectives, test_ops, test_threats
from laws.instances import built
from laws.networks import BUILDERS, images, labels, network

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = {
    name: text
    for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for name in re.findall(r"\A# src/hauberk/(.*)\.py\n", text)
}


def part(name, monkeypatch):
    """Run a block as the module that it would be, and return its class and an instance."""
    module = types.ModuleType(f"hauberk.{name.replace('/', '.')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(BLOCKS[name], f"{name}.py", "exec", dont_inherit=True), module.__dict__)
    (cls,) = (
        value
        for value in vars(module).values()
        if getattr(value, "__module__", None) == module.__name__ and isinstance(value, type)
    )
    return cls, built(cls, whole=False)[0]


def laws_of(module, argument):
    """Return the laws of a file that take one argument, an instance of the kind, and nothing else."""
    for name, law in vars(module).items():
        if name.startswith("test_") and law.__code__.co_varnames[: law.__code__.co_argcount] == (argument,):
            yield law


def obey(module, argument, instance):
    found = 0
    for law in laws_of(module, argument):
        try:
            law(instance)
        except pytest.skip.Exception:
            continue
        found += 1
    assert found


def test_every_block_is_tested_below():
    assert sorted(BLOCKS) == sorted(KINDS)


def of_a_threat(instance):
    obey(test_threats, "threat", instance)


def of_an_attack(instance):
    obey(test_attacks, "attack", instance)


def of_an_op(instance):
    obey(test_ops, "op", instance)
    stated = test_ops.Function(lambda x, m: CASES[torch.ops.aten.log_sigmoid.default](x))
    obey(test_ops, "case", test_ops.built("stated", stated))


def of_a_bounder(instance):
    obey(test_bounds, "bounder", instance)
    for name in ("dense", "residual"):
        test_bounds.test_bounds_hold_at_sampled_and_attacked_points(instance, name)
        test_bounds.test_boxes_given_by_the_bounder_are_those_it_uses(instance, name)


def of_a_verifier(instance):
    obey(test_certificates, "verifier", instance)
    for name in BUILDERS:
        test_certificates.test_certificates_never_contradict_an_attack(instance, name)


def of_an_objective(instance):
    obey(test_objectives, "objective", instance)


def of_a_loss(instance):
    obey(test_losses, "loss", instance)


def of_a_study(instance):
    graph = network("dense", 0)
    data = Split(images(5, 0), labels(5, 0))
    found = instance(NetworkSubject(graph.module, graph), data, LinfBall(0.1))
    assert len(found.table) == min(instance.count, 5)


KINDS = {
    "threats/shade": (ThreatModel, of_a_threat),
    "attacks/ladder_fgsm": (Attack, of_an_attack),
    "ops/log_sigmoid": (Elementwise, of_an_op),
    "bounds/both_boxes": (Bounder, of_a_bounder),
    "verification/sampled": (Verifier, of_a_verifier),
    "objectives/logit_pairing": (Objective, of_an_objective),
    "losses/squared_hinge": (AdversarialLoss, of_a_loss),
    "studies/confidence": (Study, of_a_study),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_worked_example_obeys_the_laws_of_its_kind(name, monkeypatch):
    concept, obeys = KINDS[name]
    known = set(RULES)
    try:
        cls, instance = part(name, monkeypatch)
        assert issubclass(cls, concept)
        obeys(instance)
    finally:
        for operator in set(RULES) - known:
            del RULES[operator], CASES[operator]


def test_the_recipe_builds():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    tree = yaml.safe_load(text)
    assert build({key: value for key, value in tree.items() if key != "scales"}).threat.eps == 0.1
