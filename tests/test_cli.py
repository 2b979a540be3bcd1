"""The command line from end to end, on the first 512 digits."""

import json
import re
import signal
import subprocess
import sys
import time
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest

from digits import digits_file
from hauberk.cli import main

SMALL = [
    "network={class: architectures.ConvNet, filters: [4], kernels: [5], strides: [3], hidden: [16]}",
    "trainer.epochs=4",
    "trainer.batch=32",
    "trainer.held_out=112",
    "trainer.log_steps=2",
    "trainer.checkpoint_steps=5",
    "evaluator.curve.examples=50",
    "evaluator.shard=100",
    "evaluator.undecided={APGD: {class: attacks.APGD, loss: losses.Margin, steps: 20}}",
    "threat.eps=0.03",
]


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    file = digits_file(tmp_path_factory.mktemp("data"), train=512, test=200)
    settings = [*SMALL, f"data={{class: datasets.NpzFile, path: {file}}}"]
    return [argument for setting in settings for argument in ("--set", setting)]


def hauberk(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "hauberk", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def demo(changes: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("demo") / "run"
    process = hauberk("demo", "--run", str(folder), *changes)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return folder, output, errors


def test_demo_trains_evaluates_reports_and_ends_with_the_headline(demo: tuple[Path, str, str]):
    folder, output, errors = demo
    shares = r"clean (\d+\.\d) % \| attacked (\d+\.\d) % \| certified (\d+\.\d) %"
    line = re.fullmatch(
        shares + r" \| linf eps 0\.03 \| 200 examples \| \d+\.\d min \| report (\S+)\n", output.splitlines(True)[-1]
    )
    assert line is not None, output
    clean, attacked, certified = (float(line[i]) for i in (1, 2, 3))
    assert 50 < clean <= 100
    assert 0 < certified <= attacked <= clean
    assert Path(line[4]) == folder / "report.html"
    assert len(re.findall(r"^epoch \d  loss", errors, re.MULTILINE)) == 4
    assert "\x1b" not in errors + output


def test_a_run_holds_everything_that_a_reader_needs(demo: tuple[Path, str, str]):
    folder, _, _ = demo
    names = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    expected = {"recipe.yaml", "run.json", "train.jsonl", "model.safetensors", "report.html"}
    assert expected <= names
    assert {f"evaluation/{name}" for name in ("summary.json", "layers.json", "examples.safetensors")} <= names
    assert not [name for name in names if "/." in name or name.startswith(".")]
    assert json.loads((folder / "run.json").read_text())["parameters"] > 1000
    page = (folder / "report.html").read_text()
    assert "architectures.ConvNet" in page


@pytest.mark.product
def test_the_recipe_in_the_folder_reproduces_the_weights(demo: tuple[Path, str, str], tmp_path: Path):
    folder, _, _ = demo
    process = hauberk("train", str(folder / "recipe.yaml"), "--run", str(tmp_path / "again"))
    assert process.wait(timeout=300) == 0, process.communicate()
    weights = (folder / "model.safetensors").read_bytes()
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == weights
    assert json.loads((folder / "run.json").read_text())["weights_sha256"] == sha256(weights).hexdigest()


@pytest.mark.product
def test_training_killed_at_any_moment_resumes_to_the_same_bits(
    demo: tuple[Path, str, str], changes: list[str], tmp_path: Path
):
    whole, _, _ = demo
    folder = tmp_path / "killed"
    for lines in (3, 12, 20):
        process = hauberk("train", "mnist-demo", "--run", str(folder), "--resume", *changes)
        while process.poll() is None and journal_length(folder) < lines:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not (folder / "model.safetensors").exists()
    process = hauberk("train", "mnist-demo", "--run", str(folder), "--resume", *changes)
    assert process.wait(timeout=300) == 0, process.communicate()
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    steps = [[json.loads(line)["step"] for line in (run / "train.jsonl").open()] for run in (whole, folder)]
    assert steps[0] == steps[1]


def journal_length(folder: Path) -> int:
    file = folder / "train.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


@pytest.mark.product
def test_evaluation_killed_goes_on_to_the_same_records(demo: tuple[Path, str, str], tmp_path: Path):
    whole, _, _ = demo
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("recipe.yaml", "model.safetensors"):
        (folder / name).write_bytes((whole / name).read_bytes())
    process = hauberk("evaluate", str(folder))
    first = folder / "evaluation" / "records" / "000000000.parquet"
    while process.poll() is None and not first.exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "evaluation" / "summary.json").exists()
    assert main(["evaluate", str(folder)]) == 0
    for shard in ("000000000", "000000100"):
        records = [
            pl.read_parquet(run / "evaluation" / "records" / f"{shard}.parquet").drop("seconds")
            for run in (whole, folder)
        ]
        assert records[0].equals(records[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "no-such-recipe"], "mnist-demo"),
        (["train", "mnist-dem"], "did you mean 'mnist-demo'"),
        (["train", "mnist-demo", "--threads", "0"], "--threads"),
        (["train", "mnist-demo", "--device", "cuda:99"], "--device cuda:99"),
        (["evaluate", "no-such-run", "--device", "tpu"], "--device"),
        (["train", "mnist-demo", "--seed", "9" * 30], "seed"),
        (["info", "attacks.PDG"], "did you mean 'attacks.PGD'"),
        (["train", "mnist-demo", "--set", "trainer.epochs=three"], "trainer.epochs"),
        (["train", "mnist-demo", "--set", "threat.epss=1"], "'eps'"),
        (["train", "mnist-demo", "--set", "nonsense"], "key=value"),
        (["train", "mnist-demo", "--scale", "huge"], "it has smoke"),
        (["sweep", "mnist-demo"], "--over"),
        (["sweep", "mnist-demo", "--over", "trainer.epochs=[1, two]"], "trainer.epochs"),
        (["sweep", "mnist-demo", "--over", "threat.eps=[0.1, 0.2]"], "training_threat"),
        (["evaluate", "no-such-run"], "no-such-run"),
        (["report", "no-such-run"], "no-such-run"),
    ],
)
def test_mistakes_end_with_a_message_and_status_1(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert message in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "did you mean 'train'"),
        (["train"], "required: recipe"),
        (["train", "mnist-demo", "--ressume"], "does not take '--ressume' (did you mean '--resume'?)"),
        (["train", "mnist-demo", "--sed=1"], "did you mean '--seed'"),
        (["train", "mnist-demo", "--res"], "does not take '--res'"),
        (["info", "attacks", "losses"], "does not take 'losses'"),
        (["cascade", "mnist-demo", "--stages", "many"], "--stages: invalid int value: 'many'"),
        (["report", "run", "--quiet", "--verbose"], "not allowed with"),
        ([], "required: COMMAND"),
    ],
)
def test_what_cannot_be_parsed_ends_with_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert message in errors


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["--version"],
        ["trian"],
        ["train", "--help"],
        ["train"],
        ["train", "mnist-demo", "--ressume"],
        ["train", "mnist-dem"],
        ["train", "mnist-demo", "--scale", "huge"],
        ["train", "mnist-demo", "--variant", "none"],
        ["info"],
        ["info", "attacks"],
        ["info", "attacks.PGD"],
        ["info", "attacks.PDG"],
        ["info", "mnist-demo"],
    ],
)
def test_what_needs_no_torch_does_not_wait_for_it(arguments: list[str]):
    program = (
        "import sys\n"
        "from hauberk.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "slow = {'torch', 'numpy', 'scipy', 'matplotlib', 'polars', 'accelerate', 'jsonargparse', 'numba'}\n"
        "print('imported:', slow & set(sys.modules))\n"
    )
    answer = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith("imported: set()\n"), answer.stdout[-300:]


def test_a_run_is_never_overwritten(demo: tuple[Path, str, str], capsys: pytest.CaptureFixture[str]):
    folder, _, _ = demo
    assert main(["train", str(folder / "recipe.yaml"), "--run", str(folder)]) == 1
    assert "--resume" in capsys.readouterr().err


def test_info_names_recipes_and_classes(capsys: pytest.CaptureFixture[str]):
    assert main(["info"]) == 0
    output = capsys.readouterr().out
    for word in ("MNIST at l_inf 0.3", "threats.LinfBall", "torch"):
        assert word in output


def test_info_lists_operators_and_devices_on_request(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--operators", "--devices"]) == 0
    output = capsys.readouterr().out
    assert re.fullmatch(r"operators with bounds: .*\bconv2d\b.*\ndevices: cpu.* threads\)\n", output)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"hauberk {version('hauberk')}\n"


def test_a_verbose_command_shows_where_an_error_comes_from(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "mnist-dem", "--verbose"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("Traceback (most recent call last):")
    assert "hauberk.errors.InputError" in errors
    assert errors.splitlines()[-1].startswith("error: there is no recipe")


def test_a_quiet_run_says_nothing_but_its_folder_and_takes_the_seed(
    changes: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    arguments = ["mnist-demo", *changes, "--set", "trainer.epochs=1", "--set", "seed=3", "--device", "cpu"]
    assert (
        main(["train", *arguments, "--run", str(tmp_path / "quiet"), "--quiet", "--seed", "5", "--threads", "1"]) == 0
    )
    output = capsys.readouterr()
    assert output.out == f"{tmp_path / 'quiet'}\n"
    assert output.err == ""
    facts = json.loads((tmp_path / "quiet" / "run.json").read_text())
    assert (facts["seed"], facts["threads"]) == (5, 1)
