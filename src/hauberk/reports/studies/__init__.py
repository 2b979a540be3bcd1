"""Figures of studies, one file per kind."""

from collections.abc import Callable, Sequence

from hauberk.reports.studies.certified_radii import draw_certified_radii
from hauberk.reports.studies.decision_regions import draw_decision_regions
from hauberk.reports.studies.first_layer_filters import draw_first_layer_filters
from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.studies.neuron_stability import draw_neuron_stability
from hauberk.reports.studies.output_polytope import draw_output_polytope
from hauberk.reports.studies.perturbation_histogram import draw_perturbation_histograms
from hauberk.reports.studies.radius_curves import draw_adversarial_distances, draw_l_bound, draw_smoothed_radii
from hauberk.reports.studies.robust_generalisation import draw_robust_generalisation
from hauberk.reports.studies.transport_plans import draw_transport_plans
from hauberk.reports.study_files import StudyFile

DRAWERS: dict[str, Callable[[StudyFile, str], Illustration]] = {
    "AdversarialDistances": draw_adversarial_distances,
    "CertifiedRadii": draw_certified_radii,
    "DecisionRegions": draw_decision_regions,
    "FirstLayerFilters": draw_first_layer_filters,
    "LBound": draw_l_bound,
    "NeuronStability": draw_neuron_stability,
    "OutputPolytope": draw_output_polytope,
    "RobustGeneralisation": draw_robust_generalisation,
    "SmoothedRadii": draw_smoothed_radii,
    "TransportPlans": draw_transport_plans,
}

TOGETHER: dict[str, Callable[[Sequence[tuple[str, StudyFile]], str], Illustration]] = {
    "PerturbationHistogram": draw_perturbation_histograms,
}
"""Kinds of study that are drawn for several runs in one figure, on one scale."""

__all__ = ["Illustration", "draw_studies", "draw_study"]


def draw_studies(studies: Sequence[tuple[str, StudyFile]], name: str) -> list[tuple[str, str, Illustration]]:
    """Return the illustrations of one study of several runs, with ids and titles: one for all, or one per run.

    Args:
        studies: the files, with the names of the runs.
        name: a prefix for the ids, unique on the page.

    Raises:
        InputError: a table lacks what the figure needs.
    """
    found = []
    for kind, draw in TOGETHER.items():
        alike = [(run, study) for run, study in studies if study.applicable and study.study == kind]
        if alike:
            found.append((f"{name}-{kind}", "", draw(alike, f"{name}-{kind}-drawing")))
    for place, (run, study) in enumerate(studies, start=1):
        if not (study.applicable and study.study in TOGETHER):
            found.append((f"{name}-{place}", run, draw_study(study, f"{name}-{place}-drawing")))
    return found


def draw_study(study: StudyFile, name: str) -> Illustration:
    """Return the illustration of a study, or words if it was not applicable or is of a kind without a figure.

    Args:
        study: the file.
        name: a prefix for the ids of the figure, unique on the page.

    Raises:
        InputError: the table lacks what the figure needs.
    """
    if not study.applicable:
        return Illustration(None, f"Not applicable: {study.facts['not_applicable']}")
    if study.study in TOGETHER:
        return TOGETHER[study.study]([("", study)], name)
    if study.study not in DRAWERS:
        return Illustration(None, f"No figure is known for a {study.study}; its table is {study.path.name}.")
    return DRAWERS[study.study](study, name)
