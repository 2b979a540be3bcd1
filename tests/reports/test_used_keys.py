"""Training is told by the run's recipe, judging by the evaluation's."""

from hauberk.reports.used_keys import other_data, used_keys

OWN = {"threat.eps": 0.1, "trainer.epochs": 5, "data": "datasets.MNIST", "evaluator.verifiers": []}


def test_the_evaluation_does_not_change_what_is_said_of_training():
    asked = OWN | {"trainer.epochs": 9, "data": "datasets.CIFAR10", "evaluator.verifiers": ["a"], "evaluator.seed": 3}
    assert used_keys(OWN, asked) == OWN | {"evaluator.verifiers": ["a"], "evaluator.seed": 3}
    assert used_keys(OWN, OWN) == OWN


def test_keys_of_judging_that_the_evaluation_dropped_are_gone():
    assert "evaluator.verifiers" not in used_keys(OWN, {"threat.eps": 0.1})


def test_the_threat_that_training_defended_against_is_kept_apart():
    found = used_keys(OWN, OWN | {"threat.eps": 0.3})
    assert (found["threat.eps"], found["training_threat.eps"]) == (0.3, 0.1)
    explicit = OWN | {"training_threat.eps": 0.2}
    found = used_keys(explicit, explicit | {"threat.eps": 0.3, "training_threat.eps": 0.9})
    assert (found["threat.eps"], found["training_threat.eps"]) == (0.3, 0.2)


def test_data_are_told_where_the_evaluation_names_others():
    assert other_data(OWN, OWN | {"threat.eps": 1}) == ""
    assert other_data(OWN, {"data.class": "datasets.NpzFile", "data.path": "a b"}) == "class=datasets.NpzFile, path=a b"
    assert other_data(OWN, OWN | {"data": "datasets.CIFAR10"}) == "data=datasets.CIFAR10"
