"""ENAS (Pham et al., ICML 2018): a controller draws architectures and learns from their accuracy.

An epoch trains the shared weights, a drawn architecture a step. Then the controller follows
REINFORCE with the reward

    R = accuracy (0 to 1) + .0001·entropy
    loss = −log p·(R − b) / samples,  b = b₀ − .01·(b₀ − R)

As published, b₀ stays the same in an epoch, and the next epoch begins with the b of the last draw;
in the first epoch b is the accuracy. R keeps its graph, so the entropy acts twice. Accuracies are
those of batches of augmented validation images, in eval mode.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_

from naswot.supernet.cells import Genes
from naswot.supernet.controller import Controller
from naswot.supernet.network import Supernet
from naswot.supernet.protocol import Protocol
from naswot.supernet.searcher import Batch, Searcher, Streams, Validation
from naswot.supernet.selection import accuracy, best_of


class ENAS(Searcher):
    """Search by a controller."""

    def __init__(self, supernet: Supernet, protocol: Protocol):
        super().__init__(supernet, protocol)
        first, settings = self.weights[0], protocol.controller
        self.controller = Controller(supernet.space).to(first.device, first.dtype)
        self.adam = torch.optim.Adam(
            self.controller.parameters(),
            lr=settings.learning_rate,
            betas=(0.0, settings.beta2),
            eps=settings.epsilon,
        )
        self.baseline = Baseline()

    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Train an architecture of the controller."""
        return self.weight_step(self.supernet.path, train, self._drawn(streams))

    def end_epoch(self, valid: Validation, streams: Streams) -> None:
        """Train the controller."""
        settings = self.protocol.controller
        before = self.baseline.value
        batches = valid.passes(self.protocol.selection_images, True)
        for _ in range(settings.steps):
            losses = []
            for _ in range(settings.samples):
                genes, likely, entropy = self.controller(streams.draws)
                right = accuracy(self, genes, next(batches)) / 100
                losses.append(self.loss_of(right, likely, entropy, before) / settings.samples)
            self.adam.zero_grad()
            torch.stack(losses).sum().backward()
            clip_grad_norm_(self.controller.parameters(), settings.clip)
            self.adam.step()

    def loss_of(
        self, right: float, likely: torch.Tensor, entropy: torch.Tensor, before: float | None
    ) -> torch.Tensor:
        """Return the loss of one draw and set the baseline.

        Args:
            right: its accuracy, 0 to 1.
            likely, entropy: as `Controller` returns them.
            before: the baseline at the beginning of the epoch.
        """
        settings = self.protocol.controller
        reward = right + settings.entropy * entropy
        baseline = torch.full_like(reward, right)
        if before is not None:
            baseline = before - settings.baseline * (before - reward)
        self.baseline.value = baseline.item()
        return -likely * (reward - baseline)

    def choose(self, valid: Validation, streams: Streams) -> Genes:
        """Return the best of the controller's architectures, which may repeat."""
        drawn = [self._drawn(streams) for _ in range(self.protocol.candidates)]
        return best_of(self, drawn, valid, augmented=True)

    def parts(self) -> Mapping[str, Any]:
        """Return also the controller, its optimiser and the baseline."""
        kept = {"controller": self.controller, "adam": self.adam, "baseline": self.baseline}
        return {**super().parts(), **kept}

    @torch.no_grad()
    def _drawn(self, streams: Streams) -> Genes:
        return self.controller(streams.draws)[0]


class Baseline:
    """The baseline of the reward, kept like weights; None: there was no reward yet."""

    value: float | None = None

    def state_dict(self) -> dict[str, float | None]:
        """Return what `load_state_dict` takes."""
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, float | None]) -> None:
        """Take the value of `state`."""
        self.value = state["value"]
