"""Weight sharing on NAS-Bench-201 in plain loops: a module for each operation of each edge."""

import torch
from torch import nn

from naswot.spaces.nasbench201.cells import EDGES
from naswot.spaces.nasbench201.network import Network


class PlainCell(nn.Module):
    """All 30 operations of a cell, each on its own."""

    def __init__(self, channels, running):
        super().__init__()

        def convolution(kernel):
            return nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(channels, affine=False, track_running_stats=running),
            )

        def edge():
            pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
            return nn.ModuleList(
                [nn.Identity(), nn.Identity(), convolution(1), convolution(3), pool]
            )

        self.edges = nn.ModuleList(edge() for _ in EDGES)
        self.value = None  # (position of the edge, its operations, x) → value of the edge

    def forward(self, x):
        nodes = [x, 0.0, 0.0, 0.0]
        for position, (source, target) in enumerate(EDGES):
            operations = [lambda x: x * 0.0, *self.edges[position][1:]]
            nodes[target] = nodes[target] + self.value(position, operations, nodes[source])
        return nodes[-1]


class PlainNetwork(nn.Module):
    """A supernet of NAS-Bench-201 with the weights of `supernet`, a `Supernet`."""

    def __init__(self, supernet, channels, cells, running):
        super().__init__()
        widths = [channels, 2 * channels, 4 * channels]
        self.body = Network(
            lambda c_in, c_out: PlainCell(c_out, running),
            [[width] * cells for width in widths],
            widths[1:],
            supernet.body.classifier.out_features,
        )
        state = supernet.state_dict()
        self.to(next(supernet.parameters()).dtype)
        self.load_state_dict({name: _found(name, state) for name in self.state_dict()})
        self.train()

    def run(self, images, value):
        for cell in self.modules():
            if isinstance(cell, PlainCell):
                cell.value = value
        return self.body(images)

    def mixture(self, images, weights):
        return self.run(
            images,
            lambda edge, operations, x: sum(
                weights[edge, gene] * operation(x) for gene, operation in enumerate(operations)
            ),
        )

    def path(self, images, genes):
        return self.run(images, lambda edge, operations, x: operations[genes[edge]](x))

    def gated(self, images, genes, gates):
        def value(edge, operations, x):
            found = gates[edge, genes[edge]] * operations[genes[edge]](x)
            for gene in range(5):
                if gene != genes[edge]:
                    found = found + gates[edge, gene]
            return found

        return self.run(images, value)


def _found(name, state):
    """Return the part of a shared tensor that belongs to one edge, or the tensor itself."""
    parts = name.split(".")
    if "edges" not in parts:
        return state[name]
    place = parts.index("edges")
    edge, gene, layer, *rest = parts[place + 1 :]
    source = EDGES[int(edge)][0]
    leaving = [number for number, (start, _) in enumerate(EDGES) if start == source]
    kind = {"1": "conv", "2": "norm"}[layer]
    whole = state[".".join([*parts[:place], "operations", str(source), gene, kind, *rest])]
    return whole if whole.ndim == 0 else whole.chunk(len(leaving))[leaving.index(int(edge))]


class PlainSearch:
    """Steps of each method, written out. `alphas`: a copy of the method's parameters, or None."""

    def __init__(self, network, alphas, protocol):
        self.network, self.protocol = network, protocol
        self.alphas = None if alphas is None else alphas.detach().clone().requires_grad_()
        self.weights = list(network.parameters())
        self.momentum = [torch.zeros_like(weight) for weight in self.weights]
        for value in [*self.weights, *([] if alphas is None else [self.alphas])]:
            value.grad = torch.zeros_like(value)
        self.moments = None if alphas is None else [torch.zeros_like(alphas) for _ in range(2)]
        self.steps = 0

    def loss(self, logits, labels):
        rows = enumerate(logits.log_softmax(1))
        return -sum(row[labels[number]] for number, row in rows) / len(labels)

    def weight_step(self, loss, shared=False):
        """SGD with Nesterov momentum, after clipping."""
        how = self.protocol
        for weight in self.weights:
            weight.grad.zero_()
        loss.backward()
        clipped = [*self.weights, *([self.alphas] if shared else [])]
        length = sum(float((value.grad**2).sum()) for value in clipped) ** 0.5
        if how.clip is not None and length > how.clip:
            for value in clipped:
                value.grad *= how.clip / (length + 1e-6)
        with torch.no_grad():
            for weight, buffer in zip(self.weights, self.momentum, strict=True):
                gradient = weight.grad + how.weight_decay * weight
                buffer.mul_(how.momentum).add_(gradient)
                weight -= how.learning_rate * (gradient + how.momentum * buffer)

    def adam(self, gradient):
        """Adam with betas .5 and .999 and weight decay."""
        how, self.steps = self.protocol, self.steps + 1
        with torch.no_grad():
            slope = gradient + how.architecture_decay * self.alphas
            mean, square = self.moments
            mean.copy_(0.5 * mean + 0.5 * slope)
            square.copy_(0.999 * square + 0.001 * slope**2)
            size = (square / (1 - 0.999**self.steps)).sqrt() + 1e-8
            self.alphas -= how.architecture_rate * mean / (1 - 0.5**self.steps) / size
        self.alphas.grad = gradient.clone()

    def architecture_step(self, loss):
        (gradient,) = torch.autograd.grad(loss, [self.alphas])
        self.adam(gradient)

    def mixture_loss(self, batch):
        images, labels = batch
        return self.loss(self.network.mixture(images, self.alphas.softmax(1)), labels)

    def darts_v1(self, train, valid, draws):
        self.weight_step(self.mixture_loss(train), shared=True)
        self.architecture_step(self.mixture_loss(valid))

    def darts_v2(self, train, valid, draws):
        how = self.protocol
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        slopes = torch.autograd.grad(self.mixture_loss(train), self.weights)
        with torch.no_grad():
            for weight, slope, buffer in zip(self.weights, slopes, self.momentum, strict=True):
                step = how.momentum * buffer + slope + how.weight_decay * weight
                weight -= how.learning_rate * step
        loss = self.mixture_loss(valid)
        direct, *there = torch.autograd.grad(loss, [self.alphas, *self.weights])
        reach = 0.01 / sum(float((value**2).sum()) for value in there) ** 0.5
        sides = []
        for sign in (1, -1):
            self.network.load_state_dict(before)
            with torch.no_grad():
                for weight, value in zip(self.weights, there, strict=True):
                    weight += sign * reach * value
            sides += torch.autograd.grad(self.mixture_loss(train), [self.alphas])
        self.network.load_state_dict(before)
        self.adam(direct - how.learning_rate * (sides[0] - sides[1]) / (2 * reach))
        self.weight_step(self.mixture_loss(train), shared=True)

    def gdas(self, train, valid, draws):
        def loss(batch):
            noise = -torch.empty(6, 5, dtype=self.alphas.dtype).exponential_(generator=draws).log()
            soft = ((self.alphas.log_softmax(1) + noise) / self.protocol.temperature(0)).softmax(1)
            genes = soft.argmax(1).tolist()
            hard = torch.zeros_like(soft)
            for edge, gene in enumerate(genes):
                hard[edge, gene] = 1
            return self.loss(
                self.network.gated(batch[0], genes, hard - soft.detach() + soft), batch[1]
            )

        self.weight_step(loss(train), shared=True)
        self.architecture_step(loss(valid))

    def rsps(self, train, valid, draws):
        genes = torch.randint(5, (6,), generator=draws).tolist()
        self.weight_step(self.loss(self.network.path(train[0], genes), train[1]))

    def enas(self, train, valid, draws):
        genes = self.controller(draws)[0]
        self.weight_step(self.loss(self.network.path(train[0], genes), train[1]))

    def setn(self, train, valid, draws):
        self.rsps(train, valid, draws)
        self.architecture_step(self.mixture_loss(valid))
