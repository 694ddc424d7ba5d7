"""DARTS, first order (Liu et al., ICLR 2019).

An edge computes all operations, weighted by the softmax of its parameters. Each step changes the
weights on a training batch, then the parameters on a validation batch, as if weights were fixed.
"""

import torch

from naswot.supernet.searcher import Batch, Parametrised, Streams, Validation


class DartsV1(Parametrised):
    """First-order DARTS."""

    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Change the weights, then the parameters."""
        found = self.weight_step(self.supernet, train, self.mixed(), others=[self.alphas])
        loss = self.loss(self.supernet, valid.drawn(len(train[1])), self.mixed())
        return found | self.architecture_step(loss)
