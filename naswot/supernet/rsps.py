"""RSPS: random search with shared weights (Li & Talwalkar, UAI 2019).

Each step trains one random architecture, the same in all cells. In the end random architectures are
tried with the shared weights, each on one batch of validation images, and the most accurate wins.
"""

import torch

from naswot.supernet.cells import CellSpace, Genes
from naswot.supernet.searcher import Batch, Searcher, Streams, Validation
from naswot.supernet.selection import best_of


def random_genes(space: CellSpace, generator: torch.Generator) -> Genes:
    """Return an architecture of which each operation of each edge is equally likely."""
    count = len(space.operations)
    return tuple(torch.randint(count, (len(space.edges),), generator=generator).tolist())


class RSPS(Searcher):
    """Random search with shared weights."""

    def step(self, train: Batch, valid: Validation, streams: Streams) -> dict[str, torch.Tensor]:
        """Train a random architecture."""
        genes = random_genes(self.supernet.space, streams.draws)
        return self.weight_step(self.supernet.path, train, genes)

    def choose(self, valid: Validation, streams: Streams) -> Genes:
        """Return the best of random architectures, which may repeat."""
        space, count = self.supernet.space, self.protocol.candidates
        return best_of(self, [random_genes(space, streams.draws) for _ in range(count)], valid)
