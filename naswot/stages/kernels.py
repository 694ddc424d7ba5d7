"""Compute the kernels of untrained networks that are sampled in bands of trained accuracy."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.cluster.hierarchy import leaves_list, linkage

from naswot.benchmarks.datasets import Dataset
from naswot.benchmarks.table import accuracy_keys
from naswot.errors import NaswotError
from naswot.io.npz import write_arrays
from naswot.io.parquet import read_metadata, read_parquet
from naswot.runtime.device import choose_device, tune_allocator
from naswot.runtime.progress import Progress, log
from naswot.runtime.provenance import build_metadata
from naswot.scores.naswot import hamming_kernel, log_determinant
from naswot.spaces import Space
from naswot.tables.batch import read_mini_batch
from naswot.tables.kernels import NOT_A_NUMBER
from naswot.tables.order import read_order


def compute_kernels(
    joined: str | Path,
    order: str | Path,
    batch: str | Path,
    output: str | Path,
    *,
    space: Space,
    dataset: Dataset,
    bands: int,
    networks: int,
    device: str = "auto",
) -> None:
    """Write the kernels of networks that are sampled in bands of accuracy.

    Precision, counting of ReLUs and seed are those of the joined table. An architecture that shares
    the score of an isomorph also shares its kernel.

    Args:
        joined: joined table of the score naswot.
        order: Parquet file of `naswot.stages.sample.sample_architectures`.
        batch: the mini-batch that the networks were scored on.
        output: .npz file to write.
        space: the search space of the networks.
        dataset: the dataset whose reported accuracy defines the bands.
        bands, networks: number of bands, and number of networks sampled per band.
        device: "auto" takes a GPU if torch sees one.

    Raises:
        NaswotError: a file is damaged, or no network has an accuracy on the dataset.
    """
    torch.set_num_threads(1)
    tune_allocator()
    target = choose_device(device)
    table, scored = read_parquet(joined), read_metadata(joined)
    failed = table["relu_units"].isna()  # networks of custom spaces may fail; they have no kernel
    if failed.any():
        log.info("left out %d of %d networks, which failed", failed.sum(), len(failed))
        table = table[~failed].reset_index(drop=True)
    key = accuracy_key(table, space.name, dataset)
    cut = cut_into_bands(table[key].to_numpy(float), bands)
    rows = draw(cut, networks, scored["seed"])
    chosen = table.loc[np.concatenate(rows)]
    archs = read_order(order).set_index("index")["arch"]
    images = torch.from_numpy(read_mini_batch(batch).images).to(target)
    built = [archs[index] for index in chosen["representative"]]
    pairs, units, scores = measure(space.build, built, images, scored)
    accuracies = [table.loc[band, key] for band in cut]
    settings = ("space", "images", "seed", "precision", "relu_count", "batch_size")
    about = build_metadata(
        dataset=dataset.name,
        accuracy=key,
        image_size=images.shape[-1],
        **{name: scored[name] for name in settings},
    )
    write_arrays(
        output,
        about,
        index=chosen["index"].to_numpy(),
        arch=chosen["arch"].to_numpy(str),
        accuracy=chosen[key].to_numpy(float),
        score=chosen["score"].to_numpy(float),
        band=np.repeat(np.arange(len(rows)), [len(band) for band in rows]),
        units=units,
        pairs=pairs,
        order=seriation(pairs, units, len(images)),
        band_low=np.array([values.min() for values in accuracies]),
        band_high=np.array([values.max() for values in accuracies]),
        band_size=np.array([len(values) for values in accuracies]),
    )
    with np.errstate(invalid="ignore"):  # −∞ and NaN do not differ from themselves
        changes = np.nan_to_num(np.abs(scores - chosen["score"].to_numpy(float)))
    log.info(
        "Kernels are done; their scores differ from the joined scores by at most %.2g",
        changes.max(),
    )


def measure(
    build: Callable[[str, int], torch.nn.Module],
    archs: Sequence[str],
    images: torch.Tensor,
    scored: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the kernels of untrained networks on `images` (B, 3, H, W), and their scores.

    Args:
        build: makes the network of an architecture for a number of classes.
        archs: n architectures.
        images: the mini-batch, on the device to use.
        scored: the metadata of scores: `space`, `images`, `seed`, `precision` and `relu_count`.

    Returns:
        `pairs` and `units` as in `naswot.tables.kernels.Kernels`; ln |det K_H|, (n,).
    """
    above = np.triu_indices(len(images), 1)
    pairs = np.empty((len(archs), len(above[0])), np.int32)
    units, scores = np.empty(len(archs), np.int64), np.empty(len(archs))
    label = f"kernels of {scored['space']} on {scored['images']}"
    progress = Progress(label, len(archs), "networks")
    for row, arch in enumerate(archs):
        torch.manual_seed(scored["seed"])
        network = build(arch, 1)
        kernel, units[row], *_ = hamming_kernel(
            network, images, scored["precision"], scored["relu_count"]
        )
        scores[row] = log_determinant(kernel)
        pairs[row] = kernel.nan_to_num(nan=NOT_A_NUMBER).cpu().numpy()[above]
        progress.advance()
    return pairs, units, scores


def accuracy_key(table: pd.DataFrame, space: str, dataset: Dataset) -> str:
    """Return the key of the accuracy that figures report for a dataset, from a joined table.

    Raises:
        NaswotError: there is none.
    """
    counts = table[dataset.keys_among(accuracy_keys(table))].count()
    counts = counts[counts > 0].to_dict()
    key = dataset.reported(counts, "plotted", others=counts)
    if key is None:
        raise NaswotError(
            f"{space} has no accuracy on {dataset.name}, which bands need; remove the dataset from "
            "`datasets`."
        )
    return key


def cut_into_bands(accuracy: np.ndarray, bands: int) -> list[np.ndarray]:
    """Return the rows of each band, from the lowest accuracies to the highest.

    Bands have equal sizes. Rows without an accuracy (NaN) are left out. If there are fewer rows
    than `bands`, each band has one row.
    """
    ranked = np.argsort(accuracy, kind="stable")[: np.isfinite(accuracy).sum()]
    return np.array_split(ranked, min(bands, len(ranked))) if len(ranked) else []


def draw(bands: Sequence[np.ndarray], networks: int, seed: int) -> list[np.ndarray]:
    """Return up to `networks` random rows of each band; a larger number extends a smaller one."""
    generator = np.random.default_rng(seed)
    return [generator.permutation(band)[:networks] for band in bands]


def seriation(pairs: np.ndarray, units: np.ndarray, images: int) -> np.ndarray:
    """Return an order of the images, int64 (B,), in which similar images are adjacent.

    It is the optimal leaf order (Bar-Joseph, Gifford and Jaakkola 2001) of average-linkage
    clustering, with the distance 1 − K_H / N_A averaged over networks. Arguments as in `Kernels`.
    """
    known = np.flatnonzero(pairs[:, 0] != NOT_A_NUMBER)
    if not len(known):
        return np.arange(images)
    distance = 1 - sum(pairs[row] / units[row] for row in known) / len(known)
    return leaves_list(linkage(distance, "average", optimal_ordering=True)).astype(np.int64)
