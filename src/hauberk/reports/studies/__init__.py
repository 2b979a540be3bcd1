"""One file for each kind of study: how its table is drawn."""

from collections.abc import Callable

from hauberk.reports.studies.certified_radii import draw_certified_radii
from hauberk.reports.studies.decision_regions import draw_decision_regions
from hauberk.reports.studies.first_layer_filters import draw_first_layer_filters
from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.studies.neuron_stability import draw_neuron_stability
from hauberk.reports.studies.output_polytope import draw_output_polytope
from hauberk.reports.study_files import StudyFile

DRAWERS: dict[str, Callable[[StudyFile, str], Illustration]] = {
    "CertifiedRadii": draw_certified_radii,
    "DecisionRegions": draw_decision_regions,
    "FirstLayerFilters": draw_first_layer_filters,
    "NeuronStability": draw_neuron_stability,
    "OutputPolytope": draw_output_polytope,
}

__all__ = ["Illustration", "draw_study"]


def draw_study(study: StudyFile, name: str) -> Illustration:
    """Return the illustration of a study, or words where it was not applicable or is of a kind without a figure.

    Args:
        study: Its file.
        name: A word for the ids of the figure, unique on the page.

    Raises:
        InputError: the table lacks what the figure needs.
    """
    if "not_applicable" in study.facts:
        return Illustration(None, f"Not applicable: {study.facts['not_applicable']}")
    if study.study not in DRAWERS:
        return Illustration(None, f"No figure is known for a {study.study}; its table is {study.path.name}.")
    return DRAWERS[study.study](study, name)
