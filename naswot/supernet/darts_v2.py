"""DARTS, second order (Liu et al., ICLR 2019).

The parameters follow the validation loss of the weights w′ that one step of training would give:

    w′ = w − ξ·(μ·m + ∇L_train(w) + λ·w)
    dα = ∇α L_valid(w′) − ξ·(∇α L_train(w + r·v) − ∇α L_train(w − r·v)) / 2r

ξ is the learning rate, m the momentum buffer, v = ∇w′ L_valid(w′) and r = .01/‖v‖. The difference
stands for a product with second derivatives. With ReLUs it is coarse: it agrees with the exact
product only to a cosine of .56, at any r.

An architecture step leaves weights, running statistics and momentum as they were; in the published
code the training batch's passes change running statistics, and the weights return by rounding. It
computes in float32 also where other steps use bfloat16.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from naswot.supernet.searcher import Batch, Parametrised, Streams, Validation

RADIUS = 0.01


class DartsV2(Parametrised):
    """Second-order DARTS."""

    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Change the parameters, then the weights."""
        gradient, loss = self.unrolled(train, valid.drawn(len(train[1])))
        found = self.follow(gradient, loss)
        return found | self.weight_step(self.supernet, train, self.mixed(), others=[self.alphas])

    def unrolled(
        self, train: Batch, valid: Batch, radius: float = RADIUS
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradient of the parameters, (edges, operations), and the validation loss."""
        group, state = self.optimiser.param_groups[0], self.optimiser.state
        rate, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
        with self._kept():
            loss = self._loss(train, self.mixed().detach())
            steps = list(torch.autograd.grad(loss, self.weights))
            for step, weight in zip(steps, self.weights, strict=True):
                step.add_(weight.detach(), alpha=decay)
                buffer = state[weight].get("momentum_buffer")
                if buffer is not None:
                    step.add_(buffer, alpha=momentum)
            with torch.no_grad():
                torch._foreach_add_(self.weights, steps, alpha=-rate)
            loss = self._loss(valid, self.mixed())
            direct, *slopes = torch.autograd.grad(loss, [self.alphas, *self.weights])
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(slopes)))
        reach = radius / length.item()
        there, back = (self._moved(train, slopes, sign * reach) for sign in (1, -1))
        return direct - rate * (there - back) / (2 * reach), loss

    def _moved(self, train: Batch, slopes: list[torch.Tensor], reach: float) -> torch.Tensor:
        """Return the gradient of the parameters where the weights are moved along `slopes`."""
        with self._kept():
            with torch.no_grad():
                torch._foreach_add_(self.weights, slopes, alpha=reach)
            loss = self._loss(train, self.mixed())
            (gradient,) = torch.autograd.grad(loss, [self.alphas])
        return gradient

    def _loss(self, batch: Batch, weights: torch.Tensor) -> torch.Tensor:
        """Return the loss without bfloat16, in which the difference would be noise."""
        return functional.cross_entropy(self.supernet(batch[0], weights), batch[1])

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Restore weights and running statistics after the block."""
        kept = [*self.weights, *self.supernet.buffers()]
        before = [value.detach().clone() for value in kept]
        try:
            yield
        finally:
            with torch.no_grad():
                for value, old in zip(kept, before, strict=True):
                    value.copy_(old)
