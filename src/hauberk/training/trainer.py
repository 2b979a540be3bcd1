"""The trainer, which fits a network to data."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hauberk import accepted
from hauberk.allocator import keep_freed_memory
from hauberk.concepts.dataset import Examples, Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError
from hauberk.kernels.full_precision import tf32
from hauberk.training.completeness import complete
from hauberk.training.hyperparameters import Hyperparameters
from hauberk.training.journal import Watcher
from hauberk.training.run import Run


@dataclass(frozen=True)
class Trainer(Hyperparameters):
    """A trainer that minimises an objective over a data set, as a pure function of its arguments and the seed.

    Several processes, started by `accelerate launch` or `torchrun`, share each batch. Their number changes results only
    by rounding, except with mixup, or with batch norm without `shared_statistics`: these see one process's part alone.
    Arguments are those of `Hyperparameters`.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.attacks import FGSM
        >>> from hauberk.concepts.dataset import Split
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Adversarial
        >>> from hauberk.schedules import Constant
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.training import Trainer
        >>> network, loss = nn.Linear(2, 2), CrossEntropy()
        >>> x, y = torch.tensor([[0.9, 0.1], [0.1, 0.9]]), torch.tensor([0, 1])
        >>> trainer = Trainer(Adversarial(FGSM(loss), loss), 5, Constant(1.0), batch=2, held_out=0)
        >>> with TemporaryDirectory() as folder:
        ...     trainer.fit(network, Split(x, y), LinfBall(0.1), Path(folder))
        >>> network.cpu()(x).argmax(1).tolist()
        [0, 1]
    """

    def fit(
        self,
        network: nn.Module,
        data: Examples,
        threat: ThreatModel,
        folder: Path | str,
        *,
        test: Split | None = None,
        resume: bool = False,
        watch: Watcher = lambda record: None,
        claim: Callable[[], None] = lambda: None,
    ) -> None:
        """Train the network in place and leave it in eval mode; journal, checkpoints and kept weights go to `folder`.

        With `resume` training goes on from the newest checkpoint and ends, on the same CPU with the same numbers of
        threads and processes, bit for bit as if it had never stopped. Only `log_steps`, `checkpoint_steps` and
        `test_judge` may have changed: a checkpoint of other hyperparameters, data, threat or network is refused. `test`
        has the examples for `test_judge`; nothing is chosen by them.

        A network, data or hyperparameters that cannot be trained are refused before `claim` is called and the folder
        is touched. On a CUDA device only operators that torch makes deterministic repeat to the bit: call
        `torch.use_deterministic_algorithms(True)` before, if a resumed training must.

        Raises:
            InputError: no example is left to train on, `test_judge` has none, a batch cannot be halved, a part of the
                attack does not apply, the checkpoint is damaged or belongs to another training run, or an object cannot
                be identified by its content.
            UnsupportedOpError: the objective computes bounds and the network cannot be captured.
            TrainingError: the loss is no longer finite.
        """
        keep_freed_memory()
        data, folder = Split.of(data), accepted.folder_at(folder)
        if not isinstance(network, nn.Module):
            raise InputError(f"training fits a torch module, not a {type(network).__name__}.")
        if not 0 <= self.held_out < len(data):
            raise InputError(f"held_out must be between 0 and {len(data) - 1}, but is {self.held_out}.")
        if self.test_judge is not None and not (test and len(test)):
            raise InputError("test_judge attacks test examples after each epoch, but fit has none: fit(test=...).")
        products = tf32() if self.precision == "tf32" else nullcontext()
        with torch.random.fork_rng(), complete(), products:
            torch.manual_seed(self.seed)
            Run(self, network, data, threat, folder, test).execute(resume, watch, claim)
