"""Try architectures with the shared weights."""

from collections.abc import Sequence

import torch

from naswot.supernet.cells import Genes
from naswot.supernet.searcher import Batch, Searcher, Validation


@torch.no_grad()
def accuracy(searcher: Searcher, genes: Genes, batch: Batch) -> float:
    """Return the percentage of a batch that an architecture classifies correctly, in eval mode."""
    images, labels = batch
    supernet = searcher.supernet.eval()
    logits = searcher.logits(supernet.path, images, genes)
    return 100 * (logits.argmax(1) == labels).double().mean().item()


def best_of(
    searcher: Searcher,
    architectures: Sequence[Genes],
    valid: Validation,
    augmented: bool = False,
) -> Genes:
    """Return the most accurate architecture, each tried on the next batch; of equals the first."""
    batches = valid.passes(searcher.protocol.selection_images, augmented)
    found = [accuracy(searcher, genes, next(batches)) for genes in architectures]
    return architectures[found.index(max(found))]
