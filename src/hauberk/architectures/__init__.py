"""Networks of published papers, one family per file."""

from hauberk.architectures.alexnet import AlexNet
from hauberk.architectures.cnn7 import CNN7
from hauberk.architectures.conv_net import ConvNet
from hauberk.architectures.fully_connected import FullyConnected
from hauberk.architectures.linf_dist_conv import LinfDistConvNet
from hauberk.architectures.linf_dist_mlp import LinfDistMLP
from hauberk.architectures.linf_dist_net import LinfDistNet
from hauberk.architectures.lipschitz_interpolant import LipschitzInterpolant
from hauberk.architectures.max_pooled import CarliniWagnerCNN, MadryCNN
from hauberk.architectures.preact_resnet import PreActResNet18
from hauberk.architectures.resnet import ResNet18, ResNet34, ResNet50
from hauberk.architectures.wide_resnet import WideResNet
from hauberk.architectures.wong import Large, ResidualNet, Small

__all__ = [
    "CNN7",
    "AlexNet",
    "CarliniWagnerCNN",
    "ConvNet",
    "FullyConnected",
    "Large",
    "LinfDistConvNet",
    "LinfDistMLP",
    "LinfDistNet",
    "LipschitzInterpolant",
    "MadryCNN",
    "PreActResNet18",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResidualNet",
    "Small",
    "WideResNet",
]
