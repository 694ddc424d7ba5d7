"""Compute Figure 2 of the paper: the linear regions of a small network, four inputs, their kernel.

The paper draws how binary codes correspond to linear regions and argues from this drawing. This
module checks its statements on many networks of the same size.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr, t

from naswot.analysis.activation_regions import Network, Region, crossed, cut, hamming, square
from naswot.analysis.claims import Claim, write_claims
from naswot.io.atomic import replacing

SEED = 30  # of the drawn network, where most regions are large enough for their code
NETWORKS = 200  # networks with seeds 0, 1, … on which the claims are checked
PAIRS = 200  # pairs of random inputs per network


def find_linear_regions(folder: str | Path, claims: str | Path) -> None:
    """Write the data of Figure 2 as CSV files in `folder`, and the verdicts on its claims.

    docs/reference/tables.md describes the columns.
    """
    network = Network.drawn(SEED)
    regions, boundaries = cut(network, square())
    inputs = marked(regions)
    codes = network.codes(np.array(list(inputs.values())))
    kernel = network.units - hamming(codes)
    tables = {
        "regions": [
            (text(region.code), number, *vertex, region.area, sum(region.code))
            for region in regions
            for number, vertex in enumerate(region.polygon)
        ],
        "boundaries": [(cut.layer, cut.unit, *cut.ends.ravel()) for cut in boundaries],
        "inputs": [
            (name, *point, text(code), *row)
            for (name, point), code, row in zip(inputs.items(), codes, kernel, strict=True)
        ],
        "kernels": [
            ("ABCD", log_det(kernel)),
            ("ACD", log_det(np.delete(np.delete(kernel, 1, axis=0), 1, axis=1))),
        ],
    }
    columns = {
        "regions": ("code", "vertex", "x", "y", "area", "active"),
        "boundaries": ("layer", "unit", "x0", "y0", "x1", "y1"),
        "inputs": ("input", "x", "y", "code", *inputs),
        "kernels": ("inputs", "log_det"),
    }
    for name, rows in tables.items():
        with replacing(Path(folder) / f"{name}.csv") as temporary:
            pd.DataFrame(rows, columns=list(columns[name])).to_csv(temporary, index=False)
    write_claims(claims, "figure2", judge(len(regions), network.units))


def text(code: Sequence[bool]) -> str:
    """Return a code as zeros and ones."""
    return "".join("01"[bool(bit)] for bit in code)


def log_det(kernel: np.ndarray) -> float:
    """Return ln |det K_H| (eq. 2), −inf where K_H is singular."""
    if np.linalg.matrix_rank(kernel) < len(kernel):
        return -np.inf
    return np.linalg.slogdet(kernel)[1]


def marked(regions: Sequence[Region]) -> dict[str, np.ndarray]:
    """Return four inputs by name: A and B in the largest region, C near, D far in Hamming distance.

    No input is in the middle of a region, where the figure shows its code.
    """
    large = sorted(regions, key=lambda region: -region.area)[: max(4, len(regions) // 2)]
    first, *others = large
    apart = hamming(np.array([region.code for region in large]))[0, 1:]
    inputs = dict(zip("AB", _two_within(first), strict=True))
    for name, number in (("C", np.argmin(apart)), ("D", np.argmax(apart))):
        inputs[name] = _two_within(others[number])[0]
    return inputs


def _two_within(region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Return two points: from the centroid towards the farthest vertex, and the other way."""
    away = region.polygon - region.centroid
    farthest = away[np.argmax((away**2).sum(axis=1))]
    opposite = away[np.argmin(away @ farthest)]
    return region.centroid + 0.55 * farthest, region.centroid + 0.55 * opposite


def judge(drawn: int, units: int) -> list[Claim]:
    """Return the claims of Figure 2 and Section 3.1 with verdicts from `NETWORKS` networks.

    Args:
        drawn: number of regions of the drawn network.
        units: number of its ReLU units.
    """
    counts, alike, exact, by_crossings, by_distance = [], [], [], [], []
    pairs_of_one_code = bent = 0
    for seed in range(NETWORKS):
        network = Network.drawn(seed)
        regions, _ = cut(network, square())
        areas = np.array([region.area for region in regions])
        counts.append(len(regions))
        alike.append(((areas / areas.sum()) ** 2).sum())
        generator = np.random.default_rng([seed, 1])
        starts, ends = generator.uniform(-1, 1, (2, PAIRS, 2))
        differ = (network.codes(starts) != network.codes(ends)).sum(axis=1)
        ways = [crossed(network, *pair) for pair in zip(starts, ends, strict=True)]
        exact.append(np.mean(differ == ways))
        if np.ptp(differ) and np.ptp(ways):
            by_crossings.append(spearmanr(differ, ways).statistic)
            distances = np.linalg.norm(starts - ends, axis=1)
            by_distance.append(spearmanr(differ, distances).statistic)
        one_code = differ == 0
        pairs_of_one_code += one_code.sum()
        outputs = [network.outputs(x[one_code]) for x in (starts, ends, (starts + ends) / 2)]
        bent += (np.abs(outputs[0] + outputs[1] - 2 * outputs[2]).max(axis=1) > 1e-9).sum()
    about = f"{NETWORKS} random networks of {units} units"
    return [
        Claim(
            "inputs with the same binary code lie in the same linear region",
            bool(bent == 0),
            f"{about}: of {pairs_of_one_code:,} pairs of random inputs with one code, the network "
            f"bends between {bent}; regions are convex polygons, {np.mean(counts):.1f} a network "
            f"{_shown(interval(counts), 1)}, {drawn} in the one that is drawn",
        ),
        Claim(
            "the Hamming distance between two codes measures how dissimilar two inputs are",
            bool(min(interval(by_crossings)[0], interval(by_distance)[0]) > 0),
            f"{about}, {PAIRS} pairs each: Spearman of the Hamming distance with the number of "
            f"unit boundaries between two inputs {np.mean(by_crossings):.3f} "
            f"{_shown(interval(by_crossings), 3)}, with their Euclidean distance "
            f"{np.mean(by_distance):.3f} {_shown(interval(by_distance), 3)}; on the straight way "
            f"{100 * np.mean(exact):.1f} % of pairs cross each boundary once at most",
        ),
        Claim(
            "inputs with the same binary code are particularly hard to learn to separate",
            None,
            f"{about}: two random inputs share a code with probability {np.mean(alike):.3f} "
            f"{_shown(interval(alike), 3)}, from the areas; nothing is trained here",
        ),
    ]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of `values`, by Student's t."""
    spread = np.std(values, ddof=1) / len(values) ** 0.5
    half = t.ppf(0.975, len(values) - 1) * spread
    return np.mean(values) - half, np.mean(values) + half


def _shown(bounds: tuple[float, float], digits: int) -> str:
    low, high = bounds
    return f"[{low:.{digits}f}, {high:.{digits}f}]"
