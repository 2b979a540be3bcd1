"""Small networks of affine operators and of functions of one number, as architectures use them."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Layers = Callable[[], nn.Module]


class Function(nn.Module):
    """A function of the input and of layers.

    Args:
        function: the function.
        layers: the layers.
    """

    def __init__(self, function: Callable[..., Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def headed(*layers: nn.Module) -> nn.Sequential:
    """Return layers with a linear one behind that gives three logits."""
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


def sequences() -> nn.Module:
    """Return a 1-D convolutional network with "same" padding of an even kernel, and pooling."""
    return headed(
        nn.Conv1d(3, 4, 5, padding=2), nn.ReLU(), nn.AvgPool1d(2), nn.Conv1d(4, 4, 4, padding="same"), nn.ReLU()
    )


def causal_sequences() -> nn.Module:
    """Return a temporal convolutional network: dilated, padded on the left, with a skip connection."""

    def forward(x: Tensor, first: nn.Module, second: nn.Module, skip: nn.Module) -> Tensor:
        h = F.relu(first(F.pad(x, (2, 0))))
        return F.relu(second(F.pad(h, (4, 0))) + skip(x))[..., -4:]

    return headed(Function(forward, nn.Conv1d(3, 4, 3), nn.Conv1d(4, 4, 3, dilation=2), nn.Conv1d(3, 4, 1)))


def volumes() -> nn.Module:
    """Return a 3-D convolutional network."""
    return headed(nn.Conv3d(1, 3, 3, padding=1), nn.ReLU(), nn.AvgPool3d(2), nn.Conv3d(3, 4, 2), nn.ReLU())


def volumes_normalised() -> nn.Module:
    """Return a 3-D network with batch norm, adaptive pooling and a transposed convolution."""
    layers = nn.Conv3d(1, 2, 2, stride=2), nn.BatchNorm3d(2), nn.ReLU(), nn.ConvTranspose3d(2, 2, 2, stride=2)
    return headed(*layers, nn.ReLU(), nn.AdaptiveAvgPool3d((2, 1, 2)))


def sequences_transposed() -> nn.Module:
    """Return a 1-D autoencoder's encoder and decoder."""
    return headed(
        nn.Conv1d(3, 4, 4, stride=2),
        nn.ReLU(),
        nn.ConvTranspose1d(4, 2, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(3),
    )


def u_net(mode: str) -> Layers:
    """Return a U-Net that upsamples in this mode."""

    def forward(x: Tensor, down: nn.Module, deep: nn.Module, up: nn.Module) -> Tensor:
        first = F.relu(down(x))
        h = F.relu(deep(F.avg_pool2d(first, 2)))
        h = F.interpolate(h, scale_factor=2, mode=mode)
        return F.relu(up(torch.cat([first, h], 1)))

    return lambda: headed(
        Function(forward, nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(7, 2, 3))
    )


def resampled() -> nn.Module:
    """Return a network whose maps are resized by every kind of interpolation."""

    def forward(x: Tensor, first: nn.Module) -> Tensor:
        h = F.relu(first(F.interpolate(x, size=(5, 7), mode="bilinear", align_corners=True)))
        h = F.relu(F.interpolate(h, scale_factor=1.5, mode="bicubic") - 0.1)
        return F.interpolate(h, size=(3, 3), mode="bilinear", antialias=True) + F.interpolate(
            h, (3, 3), mode="nearest-exact"
        )

    return headed(Function(forward, nn.Conv2d(2, 3, 3)))


def super_resolution() -> nn.Module:
    """Return a network that shuffles pixels apart and together."""
    layers = nn.PixelUnshuffle(2), nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8), nn.PixelShuffle(2), nn.Conv2d(2, 2, 3)
    return headed(*layers, nn.PReLU())


def activated(*activations: nn.Module) -> Layers:
    """Return a network of linear layers with these activations behind them."""

    def build() -> nn.Module:
        layers = [layer for one in activations for layer in (nn.LazyLinear(6), one)]
        return headed(nn.Flatten(), *layers)

    return build


def shuffle_net() -> nn.Module:
    """Return a block of ShuffleNet V2: channels are split, one half is convolved, and both are shuffled."""

    def forward(x: Tensor, stem: nn.Module, branch: nn.Module) -> Tensor:
        left, right = F.relu(stem(x)).chunk(2, dim=1)
        joined = torch.cat([left, branch(right)], 1)
        b, c, h, w = joined.shape
        return joined.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)

    depthwise = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
    branch = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), depthwise, nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.ReLU())
    return headed(Function(forward, nn.Conv2d(2, 6, 3, padding=1), branch), nn.ChannelShuffle(3), nn.AvgPool2d(2))


def inception() -> nn.Module:
    """Return a block of four branches, which are stacked, and weighted sums of the stack."""

    def forward(x: Tensor, one: nn.Module, three: nn.Module, five: nn.Module, pooled: nn.Module) -> Tensor:
        branches = [one(x), three(x), five(x), pooled(F.avg_pool2d(x, 3, 1, 1))]
        first, *rest = torch.stack([F.relu(branch) for branch in branches], 1).unbind(1)
        return first + 0.5 * sum(rest)

    convolutions = (nn.Conv2d(2, 2, size, padding=size // 2) for size in (1, 3, 5, 1))
    return headed(Function(forward, *convolutions), nn.AvgPool2d(3))


def mobile_net() -> nn.Module:
    """Return an inverted residual of MobileNetV3 without its gate, with hard swish and hard sigmoid."""

    def forward(x: Tensor, widen: nn.Module, depth: nn.Module, narrow: nn.Module) -> Tensor:
        h = F.hardswish(widen(x))
        return x + narrow(F.hardsigmoid(depth(h)))

    layers = nn.Conv2d(2, 6, 1), nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.Conv2d(6, 2, 1)
    return headed(Function(forward, *layers), nn.ReLU6())


def centred() -> nn.Module:
    """Return a network that subtracts means, broadcast in every way, between linear layers."""

    def forward(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
        h = F.relu(first(x - x.mean(-1, keepdim=True)))
        h = h - h.mean((1, 2), keepdim=True) + h[:, :1] * torch.linspace(0, 1, 2)[:, None, None]
        return second(h).clamp(-0.5, torch.inf).sum(-2)

    return headed(Function(forward, nn.Linear(6, 5), nn.Linear(5, 4)))


def indexed() -> nn.Module:
    """Return a network whose features are picked, rolled and turned by constants."""

    def forward(x: Tensor, first: nn.Module) -> Tensor:
        h = F.relu(first(x)).roll((1, -2), (1, 3))
        h = h[:, [2, 0, 0]] + h.index_select(1, torch.tensor([1, 1, 0])).flip(2)
        return torch.cat([part.flatten(1) for part in h.split([1, 2], 1)], 1).unsqueeze(1).squeeze()

    return headed(Function(forward, nn.Conv2d(2, 3, 3, padding=1)))


def masked() -> nn.Module:
    """Return a network that mixes tokens by the lower triangle of a constant, and fills by masks."""

    def forward(x: Tensor, first: nn.Module, mix: nn.Module) -> Tensor:
        tokens = F.relu(first(x.flatten(2).mT))
        causal = torch.ones(36, 36, dtype=torch.bool).tril()
        h = mix.weight.masked_fill(~causal, 0) @ tokens
        return torch.where(torch.arange(4) < 2, h, F.relu(h)).masked_fill(torch.arange(36)[:, None] > 20, 0.25)

    return headed(Function(forward, nn.Linear(2, 4), nn.Linear(36, 36, bias=False)))


def mixer() -> nn.Module:
    """Return an MLP-Mixer block of patches, without its norms."""

    def forward(x: Tensor, embed: nn.Module, tokens: nn.Module, channels: nn.Module) -> Tensor:
        patches = F.unfold(x, 2, stride=2).mT
        h = embed(patches)
        h = h + tokens(h.mT).mT
        return (h + channels(h)).mean(1)

    layers = nn.Linear(8, 5), nn.Sequential(nn.Linear(9, 6), nn.GELU(), nn.Linear(6, 9))
    return headed(Function(forward, *layers, nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 5))))


def folded() -> nn.Module:
    """Return a network that works on overlapping windows and adds them up again, and cumulates along lines."""

    def forward(x: Tensor, first: nn.Module) -> Tensor:
        windows = F.unfold(x, 3, padding=1).mT
        h = F.relu(first(windows)).mT
        return F.fold(h, (6, 6), 3, padding=1).cumsum(-1).diff(dim=2)

    return headed(Function(forward, nn.Linear(18, 9)), nn.ReLU())


def padded(mode: str) -> Layers:
    """Return a convolutional network that pads in this mode."""
    return lambda: headed(nn.Conv2d(2, 3, 3, padding=1, padding_mode=mode), nn.LeakyReLU(), nn.Conv2d(3, 2, 3, 2))


def contracted() -> nn.Module:
    """Return a network of products with constants along several dimensions, and interpolated features."""

    def forward(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
        h = F.relu(torch.tensordot(x, first.weight.view(6, 6, 4), ([2, 3], [0, 1])))
        h = torch.lerp(h, F.relu(torch.inner(h, second.weight)), 0.3)
        return torch.addcmul(h, h.flip(-1), second.bias, value=0.5)

    return headed(Function(forward, nn.Linear(36, 4), nn.Linear(4, 4)))


MAPS, LINES, CUBES = (2, 6, 6), (3, 12), (1, 4, 4, 4)
BUILDERS: dict[str, tuple[Layers, tuple[int, ...]]] = {
    "1-D convolutions": (sequences, LINES),
    "causal 1-D convolutions": (causal_sequences, LINES),
    "1-D transposed convolution": (sequences_transposed, LINES),
    "3-D convolutions": (volumes, CUBES),
    "3-D with batch norm": (volumes_normalised, CUBES),
    "U-Net, nearest": (u_net("nearest"), MAPS),
    "U-Net, bilinear": (u_net("bilinear"), MAPS),
    "resampled": (resampled, MAPS),
    "pixel shuffle": (super_resolution, MAPS),
    "PReLU and SELU": (activated(nn.PReLU(), nn.SELU()), LINES),
    "ELU and CELU": (activated(nn.ELU(0.5), nn.ELU(2.0), nn.CELU(1.5)), LINES),
    "Mish, Softsign and Softmin": (activated(nn.Mish(), nn.Softsign(), nn.Softmin(1)), LINES),
    "shrinkage": (activated(nn.Softshrink(0.25), nn.Hardshrink(0.25), nn.Threshold(0.0, -0.125)), LINES),
    "RReLU and thresholds": (activated(nn.RReLU(), nn.Threshold(0.0, 0.0), nn.LogSigmoid(), nn.Tanhshrink()), LINES),
    "ShuffleNet": (shuffle_net, MAPS),
    "Inception": (inception, MAPS),
    "MobileNetV3": (mobile_net, MAPS),
    "centred": (centred, MAPS),
    "indexed": (indexed, MAPS),
    "masked": (masked, MAPS),
    "MLP-Mixer": (mixer, MAPS),
    "folded": (folded, MAPS),
    "reflected padding": (padded("reflect"), MAPS),
    "replicated padding": (padded("replicate"), MAPS),
    "circular padding": (padded("circular"), MAPS),
    "contracted": (contracted, MAPS),
    "adaptive maxima and responses": (
        lambda: headed(nn.Conv2d(2, 4, 3), nn.LocalResponseNorm(3), nn.AdaptiveMaxPool2d(3), nn.Flatten()),
        MAPS,
    ),
}


def built(build: Layers, shape: tuple[int, ...]) -> Callable[[], tuple[nn.Module, Tensor]]:
    """Return a function that makes a network with fixed weights, in eval mode, and two inputs."""

    def make() -> tuple[nn.Module, Tensor]:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            network, x = build(), torch.rand(2, *shape)
            network(x)  # gives lazy layers their sizes, and batch norms statistics
        return network.eval(), x

    return make


NETWORKS = {name: built(build, shape) for name, (build, shape) in BUILDERS.items()}
