"""Small networks of every kind whose widths and depths a derived space varies."""

import torch
from own_networks import Function
from torch import nn
from torch.nn import functional


def conv(inputs, outputs, size=3, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def pooled(network, x):
    return network.head(network.body(x).mean((2, 3)))


def plain(num_classes=10):
    body = nn.Sequential(conv(3, 16), conv(16, 24), conv(24, 32, stride=2))
    return Function(pooled, body=body, head=nn.Linear(32, num_classes))


class Residual(nn.Module):
    """A residual block; `inner` makes what is added."""

    def __init__(self, inner, shortcut=None):
        super().__init__()
        self.inner, self.shortcut = inner, shortcut or nn.Identity()

    def forward(self, x):
        return functional.relu(self.inner(x) + self.shortcut(x))


class Squeeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, width, squeezed=8):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1)

    def forward(self, x):
        weights = self.up(functional.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * weights.sigmoid()


def residual(num_classes=10):
    first = Residual(nn.Sequential(conv(16, 32, stride=2), conv(32, 32)), conv(16, 32, 1, 2))
    blocks = [Residual(nn.Sequential(conv(32, 24), conv(24, 32))) for _ in range(3)]
    body = nn.Sequential(conv(3, 16), nn.Sequential(first, *blocks))
    return Function(pooled, body=body, head=nn.Linear(32, num_classes))


def bottleneck(num_classes=10):
    """Return a network with grouped convolutions."""
    inner = [nn.Sequential(conv(32, 16, 1), conv(16, 16, groups=4), conv(16, 32, 1)) for _ in "12"]
    body = nn.Sequential(conv(3, 32), *map(Residual, inner))
    return Function(pooled, body=body, head=nn.Linear(32, num_classes))


def mobile(num_classes=10):
    inner = nn.Sequential(conv(16, 32, 1), conv(32, 32, groups=32), Squeeze(32), conv(32, 16, 1))
    body = nn.Sequential(conv(3, 16), Residual(inner))
    return Function(pooled, body=body, head=nn.Linear(16, num_classes))


class Dense(nn.Module):
    def __init__(self, inputs, growth=8, number=3):
        super().__init__()
        self.layers = nn.ModuleList(conv(inputs + n * growth, growth) for n in range(number))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


def dense(num_classes=10):
    body = nn.Sequential(conv(3, 16), Dense(16), conv(40, 24))
    return Function(pooled, body=body, head=nn.Linear(24, num_classes))


def flattened(num_classes=10):
    """Return a network that flattens its map for a linear layer."""
    return nn.Sequential(
        conv(3, 16), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 32), nn.PReLU(32),
        nn.Linear(32, num_classes),
    )  # fmt: skip


class Mixed(nn.Module):
    """A block of a transformer whose attention is written out, with a scale for each channel."""

    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, c // self.heads)
        y = functional.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        x = x + self.scale * self.out(y.transpose(1, 2).reshape(b, n, c))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.position = nn.Parameter(torch.randn(1, 17, 32))
        self.blocks = nn.ModuleList(Mixed() for _ in range(3))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def shuffled(num_classes=10):
    """Return a network that changes half of its channels and shuffles them."""

    def forward(network, x):
        one, two = network.stem(x).chunk(2, 1)
        x = torch.cat([one, network.branch(two)], 1)
        b, c, h, w = x.shape
        x = x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)
        return network.head(network.norm(x).mean((2, 3)))

    modules = {"stem": conv(3, 32), "branch": conv(16, 16), "norm": nn.GroupNorm(4, 32)}
    return Function(forward, **modules, head=nn.Linear(32, num_classes))


KINDS = {
    "plain": plain,
    "residual": residual,
    "bottleneck": bottleneck,
    "mobile": mobile,
    "dense": dense,
    "flattened": flattened,
    "transformer": Transformer,
    "shuffled": shuffled,
}
