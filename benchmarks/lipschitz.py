"""Look for pairs of inputs that l_inf-distance networks move apart.

    python benchmarks/lipschitz.py [--pairs 10000000] [--seed 0]

Random networks of distances, of SortNet units and of convolutions, with weights and inputs of scales from 0.001 to
1000; pairs near and far, along single inputs, along signs, and at random. In float64 no logit may differ by more than
the l_inf distance of the inputs, up to 1e-12 of that distance and of the logit's size; in float32 by more than the
distance and twice the rounding error that `LipschitzMargin` subtracts. Prints the largest ratios and the number of
crossings, and fails if there are any.
"""

import argparse
import sys

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.architectures import LinfDistNet
from hauberk.capture import capture
from hauberk.layers import LpDistance, LpDistance2d, MeanShift
from hauberk.verification.lipschitz_margin import passed

SHAPE, BATCH = (1, 4, 4), 100_000


def main() -> None:
    """Draw networks and pairs until there are enough of both precisions."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    failed = False
    for dtype in (torch.float64, torch.float32):
        largest, crossings, rounds = 0.0, 0, -(-options.pairs // BATCH)
        for index in range(rounds):
            ratio = ratios(network(index).to(dtype), dtype, 10.0 ** (index % 7 - 3))
            largest = max(largest, ratio.max().item())
            crossings += int((ratio > 1 + 1e-12).sum())
        failed |= crossings > 0
        print(f"{str(dtype)[6:]}: {rounds * BATCH} pairs, largest ratio {largest:.13f}, {crossings} crossings")
    sys.exit(failed)


def network(index: int) -> nn.Module:
    """Return one of several kinds of networks, with random weights, means and biases."""
    if index % 3 == 2:
        last = [LpDistance2d(3, 4, 2, identity=None), nn.Flatten(), LpDistance(4, 3, bias=True, identity=None)]
        made = nn.Sequential(LpDistance2d(1, 3, 3, 2, padding=1, identity=None), MeanShift(3), *last)
    else:
        made = LinfDistNet(SHAPE, 3, [9, 7], identity=(None, 10.0)[index % 2], keep=(1.0, 0.6)[index % 3])
    with torch.no_grad():
        for name, t in [*made.named_parameters(), *made.named_buffers()]:
            if not name.endswith(".p"):
                t.mul_(10.0 ** torch.randint(-3, 4, ()).item()).add_(torch.randn_like(t))
    return made.eval()


def ratios(made: nn.Module, dtype: torch.dtype, scale: float) -> Float[Tensor, "b"]:
    """Return the largest difference of a pair's logits, less rounding in float32, as a share of the distance."""
    x = torch.randn(BATCH, *SHAPE, dtype=dtype) * scale
    move = torch.randn_like(x)
    kind = torch.arange(BATCH) % 4
    move[kind == 1] = move[kind == 1].sign()
    move[kind == 2] *= torch.rand_like(move[kind == 2]) > 0.9
    move *= scale * 10.0 ** -(torch.arange(BATCH) % 9).to(dtype)[:, None, None, None]
    other = x + move
    distance = (other.double() - x.double()).flatten(1).abs().amax(1)
    with torch.no_grad():
        difference = (made(other).double() - made(x).double()).abs().amax(1)
        if dtype == torch.float32:
            seen = passed(capture(made, x[:2]).frozen(), x, distance)
            difference = (difference - 2 * seen.error).clamp(min=0)
        else:
            difference = (difference - 1e-12 * made(x).abs().amax(1)).clamp(min=0)
    return difference / distance.clamp(min=1e-300)


if __name__ == "__main__":
    main()
