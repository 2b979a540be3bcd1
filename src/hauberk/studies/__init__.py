"""Studies of trained networks."""

from hauberk.studies.certified_radii import CertifiedRadii
from hauberk.studies.decision_regions import DecisionRegions
from hauberk.studies.first_layer_filters import FirstLayerFilters
from hauberk.studies.neuron_stability import NeuronStability
from hauberk.studies.output_polytope import OutputPolytope
from hauberk.studies.perturbation_histogram import PerturbationHistogram
from hauberk.studies.robust_generalisation import RobustGeneralisation

__all__ = [
    "CertifiedRadii",
    "DecisionRegions",
    "FirstLayerFilters",
    "NeuronStability",
    "OutputPolytope",
    "PerturbationHistogram",
    "RobustGeneralisation",
]
