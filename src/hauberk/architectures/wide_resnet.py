"""The wide residual networks of adversarial training on CIFAR-10."""

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hauberk.errors import InputError
from hauberk.ranges import Checked, Count, PartialShare


class WideResNet(Checked, nn.Module):
    """Three stages of pre-activation blocks, WRN-depth-width, the mean over all pixels and a linear layer.

    WRN-34-10 has 46,160,474 parameters for (3, 32, 32) and 10 classes, WRN-28-10 has 36,479,194. Images may have any
    size. Convolutions are initialised with variance 2 / (kernel area * output channels), the last layer's bias with
    zero. The modules are named as in TRADES' code; its weights load without the entries of `sub_block1`, which it never
    uses.

    Args:
        shape: (channels, height, width) of one input; only the channels matter.
        classes: The number of logits.
        depth: 6 n + 4 for n blocks per stage: the number of convolutions, including the three projections.
        width: The stages have 16, 32 and 64 times as many channels.
        dropout: The share of activations dropped between the two convolutions of a block.

    Raises:
        InputError: depth is not 6 n + 4, width is not positive, or dropout is not in [0, 1).

    Source: Zagoruyko & Komodakis 2016, "Wide residual networks"; as in Zhang et al. 2019 (TRADES).
    """

    def __init__(
        self,
        shape: tuple[Count, Count, Count],
        classes: Count,
        depth: Count = 34,
        width: Count = 10,
        dropout: PartialShare = 0.0,
    ) -> None:
        super().__init__()
        if depth < 10 or depth % 6 != 4:
            raise InputError(f"depth must be 6 n + 4 for n blocks a stage, 28 or 34, say, but is {depth}.")
        if width < 1:
            raise InputError(f"width must be at least 1, but is {width}.")
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be at least 0 and below 1, but is {dropout}.")
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(shape[0], 16, 3, padding=1, bias=False)
        self.block1 = _stage(blocks, 16, 16 * width, 1, dropout)
        self.block2 = _stage(blocks, 16 * width, 32 * width, 2, dropout)
        self.block3 = _stage(blocks, 32 * width, 64 * width, 2, dropout)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.fc = nn.Linear(64 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class WideBlock(nn.Module):
    """Two 3 x 3 convolutions, each after batch norm and ReLU, added to the input or to its projection.

    The projection is used only if the number of channels changes, and its input is the output of the first ReLU.

    Args:
        inputs: The number of input channels.
        outputs: The number of output channels.
        stride: The stride of the first convolution and of the projection.
        dropout: The share of activations dropped before the second convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.convShortcut = None  # named as in released weights
        if inputs != outputs:
            self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h2 w2"]:
        activated = F.relu(self.bn1(x))
        skip = x if self.convShortcut is None else self.convShortcut(activated)
        return skip + self.conv2(self.dropout(F.relu(self.bn2(self.conv1(activated)))))


def _stage(blocks: int, inputs: int, outputs: int, stride: int, dropout: float) -> nn.Sequential:
    first = WideBlock(inputs, outputs, stride, dropout)
    rest = (WideBlock(outputs, outputs, dropout=dropout) for _ in range(blocks - 1))
    # A Sequential of one Sequential: released weights name the blocks "block1.layer.0".
    return nn.Sequential(OrderedDict(layer=nn.Sequential(first, *rest)))
