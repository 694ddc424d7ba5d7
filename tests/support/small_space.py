"""A user's file of choices: 1,800 small networks, which score in milliseconds."""

from torch import nn

choices = {
    "depth": [1, 2, 3],
    "kernel": [1, 3],
    "pool": ["max", "average"],
    "width": list(range(4, 154)),
}


def build(depth, kernel, pool, width, classes=10):
    layers = [nn.Conv2d(3, width, 3, stride=2, padding=1), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=2 - width % 2)]
        layers += [nn.ReLU()]
    pooled = {"max": nn.AdaptiveMaxPool2d, "average": nn.AdaptiveAvgPool2d}[pool](1)
    return nn.Sequential(*layers, pooled, nn.Flatten(), nn.Linear(width, classes))
