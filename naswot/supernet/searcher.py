"""What all methods that share weights have in common: their state, and a step of the weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from naswot.supernet.cells import Genes
from naswot.supernet.network import Supernet
from naswot.supernet.protocol import Protocol
from naswot.training.evaluation import computing_in

Batch = tuple[torch.Tensor, torch.Tensor]  # normalised images (B, 3, H, W), labels (B,)


@dataclass(frozen=True)
class Streams:
    """Random numbers of an epoch or of the selection, on the CPU.

    Each use has its own generator, so that one method's draws do not change another's images.
    """

    images: torch.Generator
    valid: torch.Generator
    draws: torch.Generator


@dataclass(frozen=True)
class Validation:
    """The validation images, in batches.

    Attributes:
        drawn: number of images → that many images, drawn with replacement, augmented.
        passes: (number of images, whether they are augmented) → batches of that many different
            images, the next ones each time, without end.
    """

    drawn: Callable[[int], Batch]
    passes: Callable[[int, bool], Iterator[Batch]]


class Searcher(ABC):
    """One method, searching with one supernet.

    Subclasses say what a step is, and how an architecture is chosen.

    Args:
        supernet: the shared weights, on their device.
        protocol: the settings.
    """

    def __init__(self, supernet: Supernet, protocol: Protocol):
        self.supernet, self.protocol = supernet, protocol
        self.weights: list[torch.Tensor] = list(supernet.parameters())
        self.optimiser = torch.optim.SGD(
            self.weights,
            lr=protocol.learning_rate,
            momentum=protocol.momentum,
            weight_decay=protocol.weight_decay,
            nesterov=protocol.momentum > 0,
        )
        for weight in self.weights:  # decay and momentum act on all weights from the first step
            weight.grad = torch.zeros_like(weight)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.weights[0].device

    def begin_epoch(self, epoch: int) -> None:
        """Set what changes from epoch to epoch, numbered from 0."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.protocol.rate(epoch)
        self.supernet.train()

    @abstractmethod
    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Do one step; return `train_loss`, `train_correct` and, if there is one, `valid_loss`."""

    def end_epoch(self, valid: Validation, streams: Streams) -> None:  # noqa: B027, few have one
        """Do what follows an epoch; nothing, except in ENAS."""

    def probabilities(self) -> torch.Tensor | None:
        """Return the probability of each operation on each edge; None: all are alike."""
        return None

    @abstractmethod
    def choose(self, valid: Validation, streams: Streams) -> Genes:
        """Return the architecture that the search ends with."""

    def parts(self) -> Mapping[str, Any]:
        """Return name → object with `state_dict` and `load_state_dict`: all that changes."""
        return {"supernet": self.supernet, "optimiser": self.optimiser}

    def loss(self, run: Callable[..., torch.Tensor], batch: Batch, *choice: Any) -> torch.Tensor:
        """Return the cross entropy of `run`, a way through the supernet, on a batch."""
        images, labels = batch
        return functional.cross_entropy(self.logits(run, images, *choice), labels)

    def logits(self, run: Callable[..., torch.Tensor], images: torch.Tensor, *choice: Any):
        """Return what `run` gives for images, in float32 at least."""
        with computing_in(self.device, self.protocol.precision):
            found = run(images, *choice)
        return found if found.dtype == torch.float64 else found.float()

    def weight_step(
        self, run: Callable[..., torch.Tensor], batch: Batch, *choice: Any, others: Any = ()
    ) -> dict[str, torch.Tensor]:
        """Change the weights by one step; return `train_loss` and `train_correct`.

        Args:
            run: a way through the supernet, such as `Supernet.path`.
            batch: the images.
            choice: further arguments of `run`.
            others: architecture parameters. The published code clips their gradients together with
                those of the weights, and what an architecture step left in them counts.
        """
        images, labels = batch
        self.optimiser.zero_grad(set_to_none=False)
        logits = self.logits(run, images, *choice)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        if self.protocol.clip is not None:
            clip_grad_norm_([*self.weights, *others], self.protocol.clip)
        self.optimiser.step()
        return {"train_loss": loss.detach(), "train_correct": (logits.argmax(1) == labels).sum()}


@dataclass(frozen=True)
class _Kept:
    """A parameter and its gradient, which the next step adds to."""

    parameter: nn.Parameter

    def state_dict(self) -> dict[str, torch.Tensor | None]:
        return {"value": self.parameter.detach(), "gradient": self.parameter.grad}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self.parameter.data.copy_(state["value"])
        self.parameter.grad = state["gradient"].clone()


class Parametrised(Searcher):
    """A method with architecture parameters, (edges, operations), that Adam changes.

    They begin near 0, at .001 times normal numbers from torch's generator.
    """

    def __init__(self, supernet: Supernet, protocol: Protocol):
        super().__init__(supernet, protocol)
        shape = len(supernet.space.edges), len(supernet.space.operations)
        first = self.weights[0]
        start = 1e-3 * torch.randn(shape, dtype=first.dtype)
        self.alphas = nn.Parameter(start.to(first.device))
        self.alphas.grad = torch.zeros_like(self.alphas)
        self.adam = torch.optim.Adam(
            [self.alphas],
            lr=protocol.architecture_rate,
            betas=(0.5, 0.999),
            weight_decay=protocol.architecture_decay,
        )

    def mixed(self) -> torch.Tensor:
        """Return the probabilities, with their graph."""
        return functional.softmax(self.alphas, dim=-1)

    def probabilities(self) -> torch.Tensor:
        """Return the softmax of the parameters, (edges, operations)."""
        return self.mixed().detach()

    def best(self) -> Genes:
        """Return the operation of the greatest parameter of each edge; of equals the first."""
        return tuple(self.alphas.argmax(dim=1).tolist())

    def choose(self, valid: Validation, streams: Streams) -> Genes:
        """Return the operation of the greatest parameter of each edge."""
        return self.best()

    def parts(self) -> Mapping[str, Any]:
        """Return also the parameters and their optimiser."""
        return {**super().parts(), "alphas": _Kept(self.alphas), "adam": self.adam}

    def architecture_step(self, loss: torch.Tensor) -> dict[str, torch.Tensor]:
        """Change the parameters by one step down the gradient of `loss`; return `valid_loss`."""
        (gradient,) = torch.autograd.grad(loss, [self.alphas])
        return self.follow(gradient, loss)

    def follow(self, gradient: torch.Tensor, loss: torch.Tensor) -> dict[str, torch.Tensor]:
        """Change the parameters by one step along `gradient`; return `valid_loss`."""
        self.alphas.grad = gradient
        self.adam.step()
        return {"valid_loss": loss.detach()}
