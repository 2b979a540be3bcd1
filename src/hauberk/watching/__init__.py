"""Watchers of training that draw its scalars elsewhere: pass one, or several `together`, as `watch`.

None is imported, and nothing is sent anywhere, unless it is asked for.
"""

from hauberk.watching.board import TensorBoard
from hauberk.watching.scalar_watcher import ScalarWatcher, together
from hauberk.watching.weights_and_biases import WeightsAndBiases

__all__ = ["ScalarWatcher", "TensorBoard", "WeightsAndBiases", "together"]
