"""The peers' side of benchmarks/attacks.py, which runs this file in an environment of their own.

    python -m venv peers
    peers/bin/pip install torch numpy scipy tqdm requests eagerpy gitpython
    peers/bin/pip install --no-deps torchattacks foolbox adv-lib robustbench

--no-deps, since torchattacks requires an old release of requests, and adv-lib and robustbench require torchvision and
visdom, which no attack uses. Times are compared: install the version of torch that Hauberk runs on.

A search is called as search(network, x, y) and returns inputs, adversarial where it succeeded. It calls the library's
own entry point, with the case's budget and otherwise the library's defaults.
"""
# pyright: reportMissingImports=false

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

Search = Callable[[nn.Module, Tensor, Tensor], Tensor]

RADII = {"linf": 0.3, "l2": 1.5, "l1": 12.0}
POWERS = {"linf": inf, "l2": 2, "l1": 1}
NAMES = {"linf": "Linf", "l2": "L2"}
"""The norms as torchattacks calls them; its APGD, FAB and Square support no others."""
WARM_UP = 4


def torchattacks_search(parts: list[tuple[str, dict[str, Any]]], network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Run one attack, or several in turn, each on what those before it left."""
    import torchattacks

    attacks = [getattr(torchattacks, name)(network, **arguments) for name, arguments in parts]
    return (attacks[0] if len(attacks) == 1 else torchattacks.MultiAttack(attacks))(x, y)


def foolbox_search(
    name: str, arguments: dict[str, Any], eps: float | None, times: int, network: nn.Module, x: Tensor, y: Tensor
) -> Tensor:
    """Run one attack of foolbox, `times` times."""
    import foolbox

    attack = getattr(foolbox.attacks, name)(**arguments)
    attack = attack.repeat(times) if times > 1 else attack
    return attack(foolbox.PyTorchModel(network, bounds=(0, 1)), x, y, epsilons=eps)[1]


def adv_lib_search(name: str, arguments: dict[str, Any], network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Run one attack of adv-lib, with empty modules in place of those that it imports without need."""
    for absent, attribute in (("torchvision", "models"), ("visdom", "Visdom")):
        if absent not in sys.modules:
            sys.modules[absent] = ModuleType(absent)
            setattr(sys.modules[absent], attribute, object)
    from adv_lib import attacks

    return getattr(attacks, name)(network, x, y, **arguments)


def adv_lib_in_turn(parts: list[tuple[str, dict[str, Any]]], network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Run each attack on what those before it left in the ball, since adv-lib has no ensembles."""
    answer, left = x.clone(), torch.arange(len(x))
    for name, arguments in parts:
        if len(left):
            z = adv_lib_search(name, arguments, network, x[left], y[left])
            answer[left] = z
            near = torch.linalg.vector_norm((z - x[left]).flatten(1), arguments["norm"], dim=1)
            broken = (network(z).argmax(1) != y[left]) & (near <= RADII["l1"] * (1 + 1e-6))
            left = left[~broken]
    return answer


def apgd(norm: str, restarts: int = 1) -> dict[str, Any]:
    """Return adv-lib's arguments for APGD."""
    more = {"use_large_reps": True} if norm == "l1" else {}
    return {"norm": POWERS[norm], "eps": RADII[norm], "n_iter": 100, "n_restarts": restarts} | more


def auto_attack(norm: str) -> list[tuple[str, dict[str, Any]]]:
    """Return torchattacks' four attacks with the published budgets: its own AutoAttack takes 10 steps, not 100."""
    ball = {"norm": NAMES[norm], "eps": RADII[norm]}
    return [
        ("APGD", ball | {"steps": 100, "loss": "ce"}),
        ("APGDT", ball | {"steps": 100}),
        ("FAB", ball | {"steps": 100, "multi_targeted": True}),
        ("Square", ball | {"n_queries": 5000}),
    ]


def torchattacks_alone(number: int) -> Callable[[str], dict[str, Search]]:
    """Return a function from a norm to one of torchattacks' four attacks, if it supports the norm."""
    return lambda norm: (
        {"torchattacks": partial(torchattacks_search, [auto_attack(norm)[number]])} if norm in NAMES else {}
    )


def adv_lib_alone(name: str, arguments: dict[str, Any]) -> dict[str, Search]:
    """Return one attack of adv-lib, by the library's name."""
    return {"adv-lib": partial(adv_lib_search, name, arguments)}


def fab(norm: str) -> dict[str, Any]:
    """Return adv-lib's arguments for FAB."""
    return {"norm": POWERS[norm], "n_iter": 100, "targeted_restarts": True}


def peers_in(norm: str) -> dict[str, dict[str, Search]]:
    """Return the cases of AutoAttack and its parts in this norm."""
    ce, targeted, boundary, square = (torchattacks_alone(number)(norm) for number in range(4))
    targets = {"loss_function": "dlr", "num_targets": 5 if norm == "l1" else 9}
    ensemble: dict[str, Search] = {}
    if norm in NAMES:
        as_shipped = ("AutoAttack", {"norm": NAMES[norm], "eps": RADII[norm], "seed": 0})
        ensemble["torchattacks"] = partial(torchattacks_search, auto_attack(norm))
        ensemble["torchattacks, 10 steps as shipped"] = partial(torchattacks_search, [as_shipped])
    else:
        parts = [("apgd", apgd(norm, 5) | {"loss_function": "ce"}), ("apgd_targeted", apgd(norm) | targets)]
        ensemble["adv-lib, without Square"] = partial(adv_lib_in_turn, [*parts, ("fab", fab(norm))])
    return {
        f"apgd-ce-{norm}": ce | adv_lib_alone("apgd", apgd(norm) | {"loss_function": "ce"}),
        f"apgd-t-{norm}": targeted | adv_lib_alone("apgd_targeted", apgd(norm) | targets),
        f"fab-t-{norm}": boundary | adv_lib_alone("fab", fab(norm)),
        f"square-{norm}": square,
        f"autoattack-{norm}": ensemble,
    }


PEERS: dict[str, dict[str, Search]] = {
    "pgd": {
        "torchattacks": partial(torchattacks_search, [("PGD", {"eps": 0.3, "alpha": 0.01, "steps": 50})] * 10),
        "foolbox": partial(foolbox_search, "LinfPGD", {"steps": 50, "abs_stepsize": 0.01}, 0.3, 10),
        **adv_lib_alone("pgd_linf", {"ε": 0.3, "steps": 50, "absolute_step_size": 0.01, "restarts": 10}),
    },
    **peers_in("linf"),
    **peers_in("l2"),
    **peers_in("l1"),
    "ddn": {
        "foolbox": partial(foolbox_search, "DDNAttack", {"steps": 100}, None, 1),
        **adv_lib_alone("ddn", {"steps": 100, "levels": None}),
    },
    "cw": {
        "foolbox": partial(foolbox_search, "L2CarliniWagnerAttack", {"steps": 200}, None, 1),
        **adv_lib_alone("carlini_wagner_l2", {"max_iterations": 200}),
    },
    "deepfool": {
        "torchattacks": partial(torchattacks_search, [("DeepFool", {"steps": 50})]),
        "foolbox": partial(foolbox_search, "L2DeepFoolAttack", {"steps": 50}, None, 1),
        **adv_lib_alone("df", {"steps": 50}),
    },
    "fmn": {
        "foolbox": partial(foolbox_search, "L2FMNAttack", {"steps": 100}, None, 1),
        **adv_lib_alone("fmn", {"norm": 2, "steps": 100}),
    },
}
"""Searches by case and library. torchattacks' C&W does not search for a weight, so no budget of it is comparable."""


def timed(search: Search, network: nn.Module, x: Tensor, y: Tensor, batch: int, seed: int) -> tuple[Tensor, float]:
    """Return the answers and the CPU seconds that they took, after a first call on a few examples."""
    search(network, x[:WARM_UP], y[:WARM_UP])
    torch.manual_seed(seed)
    began = time.process_time()
    answers = [search(network, *part).detach() for part in zip(x.split(batch), y.split(batch), strict=True)]
    return torch.cat(answers), time.process_time() - began


def main() -> None:
    """Run one case with one library, and write its answers."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds network.pt, x.pt and y.pt; answers.pt is written to it")
    parser.add_argument("case", choices=PEERS)
    parser.add_argument("library")
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = torch.load(options.folder / "network.pt", weights_only=False)
    x, y = (torch.load(options.folder / f"{name}.pt") for name in ("x", "y"))
    answers, seconds = timed(PEERS[options.case][options.library], network, x, y, options.batch, options.seed)
    torch.save(answers, options.folder / "answers.pt")
    print(json.dumps({"seconds": seconds, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
