"""Command-line arguments."""

from jsonargparse import ArgumentParser

DEMO = "mnist-demo"
RECIPE = "a YAML file, or a shipped recipe (see hauberk info)"
SCALE = "a scale of the recipe: smoke, a trial of all it does, on a few made-up examples, in about a minute"
VARIANT = "one of the recipe's variants, in place of the recipe and all of them"
SET = "key=value, as in trainer.epochs=3: change the recipe; repeatable"
OVER = "key=values, as in 'trainer.epochs=[5, 10]', or {low: 1, high: 9, log: true} to draw from; repeatable"
RANDOM = "how many points to draw (default: all combinations of the values)"
CODE = "import the classes that the recipe names outside Hauberk and torch: this runs their code, so trust it first"
DESCRIPTIONS = {
    "demo": "train, attack, prove and report in one go: by default an MNIST classifier",
    "train": "train what a recipe describes",
    "evaluate": "attack and prove a trained run; after a kill it goes on where it was",
    "cascade": "train networks in turn, each on what those before it cannot certify, and judge them together",
    "report": "write the HTML report of a run, or compare several",
    "sweep": "train a recipe at several values of its keys, and draw clean against certified accuracy",
    "info": "print versions, devices, recipes, operators and classes",
}


def parser() -> ArgumentParser:
    """Return the parser for all commands and their options."""
    parser = ArgumentParser(
        prog="hauberk", exit_on_error=False, description="Make classifiers robust, and prove how robust they are."
    )
    commands = parser.add_subcommands(required=True, dest="command")
    parsers = {name: ArgumentParser(exit_on_error=False, description=text) for name, text in DESCRIPTIONS.items()}
    parsers["demo"].add_argument("recipe", type=str, nargs="?", default=DEMO, help=f"{RECIPE} (default: {DEMO})")
    for name in ("train", "cascade", "sweep"):
        parsers[name].add_argument("recipe", type=str, help=RECIPE)
    parsers["sweep"].add_argument("--over", type=str, action="append", default=[], help=OVER)
    parsers["sweep"].add_argument("--random", type=int | None, default=None, help=RANDOM)
    for name in ("demo", "train", "cascade", "sweep"):
        parsers[name].add_argument("--scale", type=str, default=None, help=SCALE)
        parsers[name].add_argument("--variant", type=str, default=None, help=VARIANT)
        parsers[name].add_argument("--run", type=str, default=None, help="folder of the run (default: new, in runs/)")
        parsers[name].add_argument("--resume", action="store_true", help="go on with the run in that folder")
    parsers["cascade"].add_argument("--stages", type=int, required=True, help="how many networks at most")
    parsers["cascade"].add_argument("--first", type=str, default=None, help="folder of a run: takes it as first stage")
    parsers["evaluate"].add_argument("run", type=str, help="folder of the run")
    for name in ("demo", "train", "cascade", "sweep", "evaluate"):
        parsers[name].add_argument("--set", type=str, action="append", default=[], help=SET)
        parsers[name].add_argument("--allow-code", action="store_true", help=CODE)
    parsers["report"].add_argument("runs", type=str, nargs="+", help="folders of runs")
    parsers["report"].add_argument("--output", type=str, default=None, help="default: report.html in the first folder")
    for name, text in DESCRIPTIONS.items():
        commands.add_subcommand(name, parsers[name], help=text)
    return parser
