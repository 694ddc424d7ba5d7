"""Find the architectures of a list that are one mutation apart, for all of them at once.

One mutation changes one gene (`Space.genes`), unless a space defines its own mutations
(`Space.neighbours`), as NAS-Bench-101 does for its graphs. Some benchmarks have only a few thousand
of the many networks of a space, and hardly two of these differ in a single gene. There, the most
similar networks are used as neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from naswot.errors import NaswotError
from naswot.spaces import Space

NEAREST = 20  # neighbours of each architecture, where some would have none
MOST_PAIRS = 1 << 26  # pairs that differ in one given gene; so many take about 2 GB
_CHUNK = 1 << 22  # distances computed at a time


@dataclass(frozen=True)
class Neighbourhood:
    """The neighbours and the encodings of a list of n architectures.

    Attributes:
        neighbours: (n, K) int32, for each architecture the positions of its neighbours, ascending,
            padded with −1.
        genes: (n, G) int32 encodings, shorter ones padded with −1; None where an architecture is
            not a list of choices.
        nearest: whether neighbours are the most similar architectures instead of those one
            mutation apart.
    """

    neighbours: np.ndarray
    genes: np.ndarray | None
    nearest: bool = False


def neighbourhood(space: Space, architectures: Sequence[str]) -> Neighbourhood:
    """Find the neighbours of each of `architectures` among them.

    Neighbours are one mutation apart. If at least one architecture has no such neighbour, then the
    neighbours of all are the `NEAREST` others that differ in the fewest genes (ties go to the
    first; equal encodings are included). A space without genes and mutations has no neighbours.

    Args:
        space: the search space.
        architectures: n of its architectures, all or some, in any order.

    Raises:
        NaswotError: an architecture is malformed, a custom space has encodings of different
            lengths, two cells are isomorphic, or too many architectures differ in one gene.
    """
    size = len(architectures)
    if space.neighbours is not None and size:
        return Neighbourhood(_rows(*space.neighbours(architectures), size), None)
    if space.genes is None or not size:
        return Neighbourhood(np.empty((size, 0), np.int32), None)
    genes = _genes(space, architectures)
    neighbours = _rows(*_one_gene_apart(genes, space.name), size)
    if (neighbours >= 0).any(axis=1).all():
        return Neighbourhood(neighbours, genes)
    return Neighbourhood(_nearest(genes), genes, nearest=True)


def padded(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return `values` as rows (n, K) int32, `counts` (n,) of them in each row, padded with −1."""
    width = int(counts.max(initial=0))
    rows = np.full((len(counts), width), -1, np.int32)
    rows[np.arange(width) < counts[:, None]] = values
    return rows


def _rows(positions: np.ndarray, neighbours: np.ndarray, size: int) -> np.ndarray:
    return padded(np.bincount(positions, minlength=size), neighbours)


def _genes(space: Space, architectures: Sequence[str]) -> np.ndarray:
    """Return the genes of all architectures, (n, G) int32."""
    rows = [space.genes(arch) for arch in architectures]  # type: ignore[misc]
    longest = max(map(len, rows))
    if space.file is None:
        return np.array([[*row, *[-1] * (longest - len(row))] for row in rows], np.int32)
    for arch, row in zip(architectures, rows, strict=True):
        if len(row) != len(rows[0]):
            raise NaswotError(
                f"{space.file}: genes({arch!r}) has {len(row)} choices, but "
                f"genes({architectures[0]!r}) {len(rows[0])}."
            )
    return np.array([_coded(column) for column in zip(*rows, strict=True)], np.int32).T


def _coded(choices: Sequence) -> list[int]:
    """Return choices of any type as whole numbers from 0, in sorted order if they can be sorted."""
    different = set(choices)
    try:
        ordered = sorted(different)
    except TypeError:  # they have different types
        ordered = sorted(different, key=lambda choice: (type(choice).__name__, repr(choice)))
    code = {choice: number for number, choice in enumerate(ordered)}
    return [code[choice] for choice in choices]


def _one_gene_apart(genes: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of rows of `genes` that differ in one column, ordered: (P,) and (P,)."""
    size, count = genes.shape
    columns = [np.unique(column, return_inverse=True)[1] for column in genes.T]
    # Group numbers of rows that agree in all genes before the k-th, and in all genes after it.
    before, after = [np.zeros(size, np.int64)], [np.zeros(size, np.int64)]
    for k in range(count - 1):
        before.append(_grouped(before[-1], columns[k]))
        after.append(_grouped(after[-1], columns[-1 - k]))
    found = [np.empty(0, np.int64)]
    for k, column in enumerate(columns):
        groups = _grouped(before[k], after[-1 - k])
        sizes = np.bincount(groups)
        if (sizes**2).sum() > MOST_PAIRS:
            raise NaswotError(
                f"{name}: too many architectures differ in gene {k} alone, up to {sizes.max():,}. "
                "Split it into several choices."
            )
        first, second = _within(groups, sizes)
        different = column[first] != column[second]  # equal: the same architecture twice
        found.append(first[different] * size + second[different])
    return np.divmod(np.sort(np.concatenate(found)), size)


def _grouped(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return group numbers (n,) from 0: two rows share one if they share `first` and `second`."""
    return np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]


def _within(groups: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all ordered pairs of rows in the same group, including each row with itself."""
    order = np.argsort(groups, kind="stable")
    starts, partners = (np.cumsum(sizes) - sizes)[groups[order]], sizes[groups[order]]
    offsets = np.arange(partners.sum()) - np.repeat(np.cumsum(partners) - partners, partners)
    return np.repeat(order, partners), order[np.repeat(starts, partners) + offsets]


def _nearest(genes: np.ndarray) -> np.ndarray:
    """Return for each row of `genes` the `NEAREST` others that differ in the fewest columns."""
    size = len(genes)
    count = min(NEAREST, size - 1)
    found = np.empty((size, count), np.int32)
    columns = [np.unique(column, return_inverse=True)[1].astype(np.int32) for column in genes.T]
    step = max(1, _CHUNK // size)
    for start in range(0, size, step):
        rows = np.arange(start, min(start + step, size))
        distance = np.zeros((len(rows), size), np.int16)
        for column in columns:
            distance += column[rows, None] != column
        # Ties go to the first; no architecture is its own neighbour.
        rank = distance * np.int64(size) + np.arange(size)
        rank[np.arange(len(rows)), rows] = np.iinfo(np.int64).max
        nearest = np.argpartition(rank, count - 1, axis=1)[:, :count] if count else found[rows]
        found[rows] = np.sort(nearest, axis=1)
    return found
