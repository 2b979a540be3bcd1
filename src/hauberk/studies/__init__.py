"""Studies of trained networks."""

from hauberk.studies.adversarial_distances import AdversarialDistances
from hauberk.studies.certified_radii import CertifiedRadii
from hauberk.studies.decision_regions import DecisionRegions
from hauberk.studies.first_layer_filters import FirstLayerFilters
from hauberk.studies.l_bound import LBound
from hauberk.studies.neuron_stability import NeuronStability
from hauberk.studies.output_polytope import OutputPolytope
from hauberk.studies.perturbation_histogram import PerturbationHistogram
from hauberk.studies.robust_generalisation import RobustGeneralisation
from hauberk.studies.smoothed_radii import SmoothedRadii
from hauberk.studies.transport_plans import TransportPlans

__all__ = [
    "AdversarialDistances",
    "CertifiedRadii",
    "DecisionRegions",
    "FirstLayerFilters",
    "LBound",
    "NeuronStability",
    "OutputPolytope",
    "PerturbationHistogram",
    "RobustGeneralisation",
    "SmoothedRadii",
    "TransportPlans",
]
