"""torch's recurrent layers and cells, written out step by step in linear layers and activations."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""The output (b, size) of a step, and the memory of an LSTM: what it hands to the next one."""
LAYERS: tuple[Any, ...] = (nn.RNN, nn.GRU, nn.LSTM)
CELLS: tuple[Any, ...] = (nn.RNNCell, nn.GRUCell, nn.LSTMCell)
ORIGINALS: dict[Any, Callable[..., Any]] = {kind: kind.forward for kind in (*LAYERS, *CELLS)}


@contextmanager
def unrolled_recurrence() -> Iterator[None]:
    """Let recurrent layers with the batch first, and cells, compute by operators that have bounds."""
    for kind in LAYERS:
        kind.forward = forward
    for kind in CELLS:
        kind.forward = cell_forward
    try:
        yield
    finally:
        for kind, computed in ORIGINALS.items():
            kind.forward = computed


def original(module: nn.Module) -> Callable[..., Any]:
    """Return torch's own computation of a module."""
    return next(found for kind, found in ORIGINALS.items() if isinstance(module, kind))


def forward(self: nn.RNNBase, input: Any, hx: Any = None) -> tuple[Tensor, Any]:
    """Return the outputs (b, time, size) of the last layer and the last states (layers, b, size) of all."""
    if not isinstance(input, Tensor) or input.ndim != 3 or not self.batch_first:
        return original(self)(self, input, hx)
    directions = 1 + self.bidirectional
    states = [state_of(self, input, hx, i) for i in range(self.num_layers * directions)]
    outputs = input
    for layer in range(self.num_layers):
        outputs = F.dropout(outputs, self.dropout, self.training) if layer and self.dropout else outputs
        found = []
        for i in range(layer * directions, (layer + 1) * directions):
            steps, states[i] = run(self, outputs, states[i], i, reverse=i > layer * directions)
            found.append(steps)
        outputs = torch.cat(found, 2)
    last = tuple(torch.stack(parts) for parts in zip(*states, strict=True))
    return outputs, last if isinstance(self, nn.LSTM) else last[0]


def state_of(self: nn.RNNBase, like: Tensor, hx: Any, place: int) -> State:
    """Return the first state of one layer and direction: zeros, unless it is given."""
    weight = getattr(self, self._all_weights[place][1])
    if hx is not None:
        return tuple(part[place].type_as(weight) for part in (hx if isinstance(self, nn.LSTM) else (hx,)))
    sizes = (self.proj_size or self.hidden_size, self.hidden_size)[: 1 + isinstance(self, nn.LSTM)]
    return tuple(weight.new_zeros(like.shape[0], size) for size in sizes)


def run(self: nn.RNNBase, inputs: Tensor, state: State, place: int, *, reverse: bool) -> tuple[Tensor, State]:
    """Return the outputs of one layer in one direction, and its last state."""
    weight, hidden_weight, *rest = (getattr(self, name) for name in self._all_weights[place])
    bias, hidden_bias = rest[:2] if self.bias else (None, None)
    project = rest[-1] if self.proj_size else None
    given = F.linear(inputs, weight, bias)
    times = range(inputs.shape[1])
    outputs = []
    for time in reversed(times) if reverse else times:
        state = stepped(self.mode, given[:, time], F.linear(state[0], hidden_weight, hidden_bias), state, project)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if reverse else outputs, 1), state


def cell_forward(self: nn.RNNCellBase, input: Tensor, hx: Any = None) -> Any:
    """Return the next state of a cell."""
    if input.ndim != 2:
        return original(self)(self, input, hx)
    remembers = isinstance(self, nn.LSTMCell)
    state = hx if remembers else (hx,)
    if hx is None:
        state = (self.weight_hh.new_zeros(input.shape[0], self.hidden_size),) * (1 + remembers)
    mode = "LSTM" if remembers else "GRU" if isinstance(self, nn.GRUCell) else f"RNN_{self.nonlinearity}".upper()
    given = F.linear(input, self.weight_ih, self.bias_ih)
    found = stepped(mode, given, F.linear(state[0], self.weight_hh, self.bias_hh), state)
    return found if remembers else found[0]


def stepped(mode: str, given: Tensor, hidden: Tensor, state: Sequence[Tensor], project: Tensor | None = None) -> State:
    """Return the next state, from what the input and the last output contribute to the gates."""
    if mode == "GRU":
        size = state[0].shape[1]
        reset, update = (given[:, : 2 * size] + hidden[:, : 2 * size]).sigmoid().chunk(2, 1)
        new = (given[:, 2 * size :] + reset * hidden[:, 2 * size :]).tanh()
        return (new + update * (state[0] - new),)
    if mode != "LSTM":
        return ((given + hidden).tanh() if mode == "RNN_TANH" else (given + hidden).relu(),)
    enter, keep, new, leave = (given + hidden).chunk(4, 1)
    memory = keep.sigmoid() * state[1] + enter.sigmoid() * new.tanh()
    output = leave.sigmoid() * memory.tanh()
    return output if project is None else F.linear(output, project), memory
