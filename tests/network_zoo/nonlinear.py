"""Small networks with products of activations, attention and normalisation by their own statistics."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 3
Network = Callable[[], tuple[nn.Module, Tensor]]


class Function(nn.Module):
    """A linear layer, a function, and a linear layer."""

    def __init__(self, function: Callable[[Tensor], Tensor], width: int = 6, out: int = 6) -> None:
        super().__init__()
        self.first, self.last, self.function = nn.Linear(4, width), nn.Linear(out, CLASSES), function

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self.first(x)))


class VisionTransformer(nn.Module):
    """Patches, a class token, positions, a block with attention written out, and a head on the token."""

    def __init__(self, size: int = 8, patch: int = 4, width: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads, places = heads, (size // patch) ** 2 + 1
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(0.5 * torch.randn(1, places, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.patches(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.token.expand(h.shape[0], -1, -1), h], 1) + self.position
        h = h + self.attention(self.norms[0](h))
        h = h + self.mlp(self.norms[1](h))
        return self.head(self.norms[2](h)[:, 0])

    def attention(self, h: Tensor) -> Tensor:
        heads = self.project(h).unflatten(-1, (3, self.heads, -1)).permute(0, 3, 2, 1, 4)
        query, key, value = heads[:, :, 0], heads[:, :, 1], heads[:, :, 2]
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        return self.merge((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))


class FusedAttention(VisionTransformer):
    """The same with torch's fused attention."""

    def attention(self, h: Tensor) -> Tensor:
        heads = self.project(h).unflatten(-1, (3, self.heads, -1)).permute(0, 3, 2, 1, 4)
        found = F.scaled_dot_product_attention(heads[:, :, 0], heads[:, :, 1], heads[:, :, 2])
        return self.merge(found.transpose(1, 2).flatten(2))


class SelfAttention(nn.Module):
    """torch's own attention among four places."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.last = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.attention(x, x, x, need_weights=False)[0].mean(1))


class CrossAttention(nn.Module):
    """Two queries that are parameters, and keys and values of another width."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(1, 2, 6))
        self.attention = nn.MultiheadAttention(6, 3, kdim=5, vdim=4, bias=False, batch_first=True)
        self.last = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        queries = self.queries.expand(x.shape[0], -1, -1) + x.mean(1, keepdim=True)[:, :, :1].expand(-1, 2, 6)
        return self.last(self.attention(queries, x, x[..., :4])[0].flatten(1))


class SqueezeExcitation(nn.Module):
    """A convolution whose channels are weighted by what the whole map holds."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 4, 3, 2, 1), nn.Linear(16, CLASSES)
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.first(x))
        gate = torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(h, 1)))))
        return self.last((h * gate).flatten(1))


class GatedMLP(nn.Module):
    """A hidden layer times a gate of the same input, as in large language models."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(4, eps=1e-4)
        self.gate, self.up, self.down = (nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        return self.down(F.silu(self.gate(h)) * self.up(h))


class AttentionPool(nn.Module):
    """Places averaged with weights that a softmax of scores gives."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.last = nn.Linear(5, 1), nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.score(x).softmax(1)
        return self.last((x * weights).sum(1))


class Pairs(nn.Module):
    """A bilinear layer written as an einsum of two hidden layers."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 6), nn.Linear(4, 6)
        self.last = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.left(x).unflatten(1, (3, 2)), self.right(x).unflatten(1, (2, 3))
        outer = torch.einsum("bij,bjk->bik", first, second)
        return self.last(
            torch.cat([outer.flatten(1), torch.bmm(second, first)[:, 0], first[:, 0] / 3 - 1 / 3], 1)[:, :12]
        )


class CosineClassifier(nn.Module):
    """Logits that are cosines between normalised features and normalised weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.weight = nn.Linear(4, 6), nn.Parameter(torch.randn(CLASSES, 6))

    def forward(self, x: Tensor) -> Tensor:
        return 8 * F.linear(F.normalize(F.elu(self.first(x)), dim=1), F.normalize(self.weight, dim=1))


class Maxout(nn.Module):
    """The largest of three linear functions for every neuron, and the smaller of two."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 18), nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).unflatten(1, (6, 3)).amax(2)
        return self.last(torch.minimum(h[:, :3], torch.maximum(h[:, 3:], -h[:, 3:])))


class Ratio(nn.Module):
    """Shares of positive features."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = F.softplus(self.first(x)) + 0.1
        return self.last(h / h.sum(1, keepdim=True))


class Standardized(nn.Module):
    """Features less their mean, divided by their standard deviation, written out."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        centred = h - h.mean(1, keepdim=True).expand(-1, 6)
        return self.last(centred / torch.sqrt(h.var(1, keepdim=True) + 1e-2))


class OverTime(nn.Module):
    """A GRU cell that reads one place after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.last = nn.GRUCell(4, 5), nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for place in range(x.shape[1]):
            state = self.cell(x[:, place], state)
        return self.last(state)


class BothDirections(nn.Module):
    """Two layers that read both ways, and a head on their last states."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True)
        self.last = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        states = self.layers(x)[1][0]
        return self.last(torch.cat([states[-2], states[-1]], 1))


class Compared(nn.Module):
    """Cosines of features with rows of a matrix, and a bilinear layer of these and the features."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.rows = nn.Linear(4, 6), nn.Parameter(torch.randn(1, 5, 6))
        self.last = nn.Bilinear(5, 6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = F.mish(self.first(x))
        return self.last(F.cosine_similarity(h[:, None], self.rows, dim=2), h)


def normed(norm: nn.Module) -> nn.Module:
    """Return a small convolutional network with a norm."""
    first, last = nn.Conv2d(1, 4, 3, 2, 1), nn.Linear(16, CLASSES)
    return nn.Sequential(first, norm, nn.ReLU(), nn.Flatten(), last)


def layer_normed() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, CLASSES))


def transformer_layer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(6, 2, 8, activation="gelu", batch_first=True, norm_first=True)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(18, CLASSES))


def post_norm_layer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(6, 3, 8, batch_first=True)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(18, CLASSES))


def example(build: Callable[[], nn.Module], *shape: int) -> Network:
    """Return a function that builds a network, with the same weights at every call, and two inputs."""

    def made() -> tuple[nn.Module, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build().eval(), torch.rand(2, *shape)

    return made


NETWORKS: dict[str, Network] = {
    "vision transformer": example(VisionTransformer, 1, 8, 8),
    "vision transformer with fused attention": example(FusedAttention, 1, 8, 8),
    "multi-head attention": example(SelfAttention, 4, 6),
    "cross attention": example(CrossAttention, 3, 5),
    "transformer layer, norms first": example(transformer_layer, 3, 6),
    "transformer layer, norms last": example(post_norm_layer, 3, 6),
    "squeeze and excitation": example(SqueezeExcitation, 1, 4, 4),
    "layer norm": example(layer_normed, 4),
    "group norm": example(lambda: normed(nn.GroupNorm(2, 4)), 1, 4, 4),
    "instance norm": example(lambda: normed(nn.InstanceNorm2d(4, affine=True)), 1, 4, 4),
    "gated perceptron with an RMS norm": example(GatedMLP, 4),
    "gated linear unit": example(lambda: Function(F.glu, 12), 4),
    "softmax pooling": example(AttentionPool, 4, 5),
    "pairs": example(Pairs, 4),
    "cosine classifier": example(CosineClassifier, 4),
    "maxout": example(Maxout, 4),
    "square activation": example(lambda: Function(torch.square), 4),
    "cubes": example(lambda: Function(lambda h: 0.3 * h**3 - 0.1 * h.pow(2)), 4),
    "exponentials and logarithms": example(
        lambda: Function(lambda h: torch.log(1 + torch.exp(h)) + torch.log1p(h * h)), 4
    ),
    "roots and reciprocals": example(lambda: Function(lambda h: torch.sqrt(h * h + 0.1) - 1 / (1 + h.abs())), 4),
    "shares": example(Ratio, 4),
    "standardised by hand": example(Standardized, 4),
    "waves": example(lambda: Function(lambda h: torch.sin(3 * h) + h.cos() * torch.atan(h)), 4),
    "recurrent cell over time": example(OverTime, 3, 4),
    "LSTM in both directions": example(BothDirections, 3, 4),
    "RMS norm without eps": example(lambda: nn.Sequential(nn.Linear(4, 6), nn.RMSNorm(6), nn.Linear(6, CLASSES)), 4),
    "bilinear layer of cosines": example(Compared, 4),
    "signs": example(lambda: Function(torch.sign), 4),
    "log softmax": example(lambda: Function(lambda h: h.log_softmax(1)), 4),
    "swish by hand": example(lambda: Function(lambda h: h * torch.sigmoid(1.7 * h)), 4),
}
