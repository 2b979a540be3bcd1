"""Recipes: YAML files that name classes by their path inside hauberk, and their arguments.

A class is written as `class: threats.LinfBall` next to its arguments, or as its path alone if it takes none.
Arguments are checked against the constructors' annotations before anything runs; whatever a recipe leaves out has the
constructor's default. A recipe may hold variants of itself, which are run along with it for comparison, and scales, at
which recipe and variants are run on request: `smoke` tries everything out on a few made-up examples.

Nothing is imported but Hauberk and torch's layers and optimizers. A class of other code is found once its module was
imported: by `hauberk --allow-code`, or by whoever calls `build`.

    variants:
      standard:
        trainer.objective: {class: objectives.Natural, loss: losses.CrossEntropy}
    scales:
      smoke:
        trainer.epochs: 1
        data: {class: datasets.Generated, shape: [1, 28, 28], classes: 10, train: 40, test: 4}
"""

from hauberk.recipe.building import Recipe, build
from hauberk.recipe.classes import import_code, public_classes
from hauberk.recipe.search import drawn, grid, point_trees, searched
from hauberk.recipe_text.alternatives import variant, variants
from hauberk.recipe_text.reading import read_recipe, shipped_recipes
from hauberk.recipe_text.tree import Tree, parsed

__all__ = [
    "Recipe",
    "Tree",
    "build",
    "drawn",
    "grid",
    "import_code",
    "parsed",
    "point_trees",
    "public_classes",
    "read_recipe",
    "searched",
    "shipped_recipes",
    "variant",
    "variants",
]
