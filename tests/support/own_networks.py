"""Small networks such as users bring, modelled on torchvision and timm."""

from collections import namedtuple

import torch
from torch import nn
from torch.nn import functional

Outputs = namedtuple("Outputs", ["logits", "aux_logits"])


class Function(nn.Module):
    """A network whose forward pass is a function of the network and its input."""

    def __init__(self, forward, **modules):
        super().__init__()
        self.function = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.function(self, x)


class Block(nn.Module):
    """A residual block whose ReLU is one module that is used twice, in place."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self, depth=2, width=8, num_classes=1000):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.layers = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


def resnet(pretrained=False, num_classes=10, **kwargs):
    assert not pretrained
    return ResNet(num_classes=num_classes, **kwargs)


class MobileNetLike(nn.Module):
    """Depthwise convolutions and ReLU6."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6(inplace=True),
            nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.ReLU6(inplace=True),
            nn.Conv2d(8, 16, 1), nn.BatchNorm2d(16),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, num_classes))

    def forward(self, x):
        return self.classifier(functional.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


class GoogLeNetLike(nn.Module):
    """In train mode it returns auxiliary logits too."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2)
        self.one, self.three = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1)
        self.aux = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(64, num_classes),
        )  # fmt: skip
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        x = functional.relu(self.stem(x), inplace=True)
        x = torch.cat([functional.relu(self.one(x)), functional.relu(self.three(x))], 1)
        logits = self.fc(x.mean((2, 3)))
        if self.training and self.aux is not None:
            return Outputs(logits, self.aux(x))
        return logits


class ViTLike(nn.Module):
    """Patches, attention and GELU; made for images of 32×32."""

    def __init__(self, num_classes=10, img_size=32):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.position = nn.Parameter(torch.randn(1, (img_size // 8) ** 2, 16))
        self.block = nn.TransformerEncoderLayer(
            16, 2, 32, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Linear(16, num_classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.block(x).mean(1))


def raising(num_classes=10):
    raise RuntimeError("no weights\nfor this network")


NOT_CALLABLE = {"resnet": 18}
