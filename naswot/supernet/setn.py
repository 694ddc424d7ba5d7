"""SETN (Dong & Yang, ICCV 2019): uniform paths train the weights, a mixture the parameters.

In the end the architectures that the parameters find most probable are tried with the shared
weights, each on one batch of validation images, and the most accurate wins.
"""

import torch

from naswot.supernet.cells import Genes
from naswot.supernet.rsps import random_genes
from naswot.supernet.searcher import Batch, Parametrised, Streams, Validation
from naswot.supernet.selection import best_of


class SETN(Parametrised):
    """Search by a self-evaluated template network."""

    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Train a random architecture, then change the parameters of the mixture."""
        genes = random_genes(self.supernet.space, streams.draws)
        found = self.weight_step(self.supernet.path, train, genes)
        loss = self.loss(self.supernet, valid.drawn(len(train[1])), self.mixed())
        return found | self.architecture_step(loss)

    def choose(self, valid: Validation, streams: Streams) -> Genes:
        """Return the best of the most probable architectures."""
        return best_of(self, most_probable(self.probabilities(), self.protocol.candidates), valid)


def most_probable(probabilities: torch.Tensor, count: int) -> list[Genes]:
    """Return the `count` architectures with the greatest products of probabilities, greatest first.

    Args:
        probabilities: (edges, operations).
        count: at most as many as there are architectures.
    """
    kept: list[tuple[float, Genes]] = [(0.0, ())]
    for row in probabilities.double().log().tolist():  # the best of more edges begin with these
        longer = [
            (known + value, (*genes, gene))
            for known, genes in kept
            for gene, value in enumerate(row)
        ]
        kept = sorted(longer, key=lambda one: (-one[0], one[1]))[:count]
    return [genes for _, genes in kept]
