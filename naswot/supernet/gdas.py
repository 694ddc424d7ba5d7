"""GDAS (Dong & Yang, CVPR 2019): one operation an edge, drawn by Gumbel noise and differentiable.

    g = −log Exp(1),  p = softmax((log softmax(α) + g) / τ),  gate = onehot(argmax p) − p° + p

where p° is p without its graph: a gate has the value 1 or 0, and the gradient of p. The published
code also adds the gates of operations that are not drawn to the edge, as numbers. Their value is 0,
but the parameters get the sum of the node's gradient through them; `gates: false` leaves them out.
"""

import torch
from torch.nn import functional

from naswot.supernet.cells import Genes
from naswot.supernet.searcher import Batch, Parametrised, Streams, Validation


class GDAS(Parametrised):
    """Search by differentiable draws."""

    temperature = 1.0

    def begin_epoch(self, epoch: int) -> None:
        """Set also the temperature."""
        super().begin_epoch(epoch)
        self.temperature = self.protocol.temperature(epoch)

    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Change the weights, then the parameters, each with a new draw."""
        path = self.supernet.path
        found = self.weight_step(path, train, *self.draw(streams.draws), others=[self.alphas])
        batch = valid.drawn(len(train[1]))
        return found | self.architecture_step(self.loss(path, batch, *self.draw(streams.draws)))

    def draw(self, generator: torch.Generator) -> tuple[Genes, torch.Tensor]:
        """Return the genes and the gates, (edges, operations), of a draw.

        A draw that is not finite is repeated as a whole, unless the parameters are not finite.
        """
        while True:
            uniform = torch.empty(self.alphas.shape, dtype=self.alphas.dtype)
            noise = -uniform.exponential_(generator=generator).log()
            scores = functional.log_softmax(self.alphas, dim=1) + noise.to(self.device)
            soft = functional.softmax(scores / self.temperature, dim=1)
            finite = torch.isfinite(noise).all() and torch.isfinite(soft).all()
            if finite or not torch.isfinite(self.alphas).all():
                break
        places = soft.argmax(dim=1, keepdim=True)
        hard = torch.zeros_like(soft).scatter_(1, places, 1.0)
        gates = hard - soft.detach() + soft
        return tuple(places[:, 0].tolist()), gates if self.protocol.gates else gates * hard
