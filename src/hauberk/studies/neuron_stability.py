"""The number of neurons of each layer that a proof has to relax, example by example."""

from dataclasses import dataclass

import polars as pl
import torch

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.study import Findings, Study
from hauberk.concepts.subject import AttackableSubject
from hauberk.propagation.layer_names import layer_name
from hauberk.ranges import Count


@dataclass(frozen=True)
class NeuronStability(Study):
    """Counts, for each example and relaxed value, of the neurons that are never, perhaps and always positive.

    The three counts are |I-|, |I| and |I+| of the convex outer polytope.

    Args:
        bounder: gives the bounds to decide by.
        examples: the number of examples, from the first.

    Raises:
        InputError: there is no example.

    Source: Wong & Kolter 2018, theorem 1 for the three sets.
    """

    bounder: Bounder
    examples: Count = 200

    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        graph = subject.graph.frozen()
        first = slice(0, self.examples)
        S = threat.select(first, data.inputs.shape).at(data.batch(first)[0]).cover()
        with torch.no_grad():
            boxes = self.bounder.boxes(graph, S)
        parts = []
        for layer, value in enumerate(graph.relaxed):
            box = boxes[value]
            states = {
                "inactive": (box.upper <= 0) & (box.lower < 0),
                "unstable": box.unstable,
                "active": box.lower >= 0,
            }
            counts = {state: mask.flatten(1).sum(1).tolist() for state, mask in states.items()}
            name = layer_name(subject.graph, value)
            examples = len(S.start)
            parts.append(
                pl.DataFrame(
                    {"layer": [layer] * examples, "name": [name] * examples, "index": list(range(examples)), **counts}
                )
            )
        if not parts:
            parts = [pl.DataFrame(schema={"layer": pl.Int64, "name": pl.String, "index": pl.Int64})]
        return Findings(pl.concat(parts), {"bounder": type(self.bounder).__name__, "threat": threat.name})
