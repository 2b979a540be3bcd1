"""The vocabulary of Hauberk: every abstraction, an idea per file. Read it first, in this order.

The question, an adversary who moves inputs:

- `perturbation_set`: threat models, and the set that each puts around an input;
- `metric_ball`, `norm_ball`, `semantic_set`: sets that are balls in a distance or a norm, or transformations of inputs;
- `radius`: how radii are written;
- `box`: elementwise bounds of a batch of values;
- `specification`: linear rows that have to be positive;
- `subject`: what is judged, a network or something built from networks;
- `smoothing_noise`: what smooths a classifier.

The network:

- `graph`: a captured network, and the same frozen as affine and nonlinear operators;
- `lowering`: the registry from torch's operators to ours;
- `op`, `affine`, `pieces`: facts about an operator that every bound method is computed from;
- `relaxation`, `slopes`, `rows`, `rounding`: lines around functions, the choice among them, what is carried backward
  through them, and what rounding adds.

The answers:

- `loss`, `attack`: searches for a member that the network gets wrong;
- `bounder`: lower bounds of a specification over a set;
- `certificate`: verifiers and their typed results;
- `study`: further questions about a network.

Training:

- `objective`, `regularizer`, `schedule`, `augmentation`: what a step minimises, and what varies over a training run;
- `initialisation`, `parameter_groups`: what is done to weights before and beside that;
- `dataset`: examples and where they come from;
- `noise`, `memory`: random numbers that belong to examples; what parts remember about examples from step to step.

For those who add a part: `cases` says how laws build it.
"""
