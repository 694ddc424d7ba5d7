"""Networks, drawn in bands of their trained accuracy → their kernels, untrained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.cluster.hierarchy import leaves_list, linkage

from naswot.analysis.comparison import reported_key
from naswot.benchmarks.datasets import datasets_of
from naswot.benchmarks.table import accuracy_keys
from naswot.errors import NaswotError
from naswot.files import read_metadata, read_parquet, write_arrays
from naswot.images.drawing import read_mini_batch
from naswot.kernels import NOT_A_NUMBER
from naswot.progress import Progress, log
from naswot.provenance import described
from naswot.scores.naswot import hamming_kernel, log_determinant
from naswot.scoring import choose_device, keep_freed_memory
from naswot.spaces import get_space


def write_kernels(
    joined: str | Path,
    order: str | Path,
    batch: str | Path,
    output: str | Path,
    *,
    dataset: str,
    bands: int,
    networks: int,
    device: str = "auto",
) -> None:
    """Write the kernels of networks that are drawn in bands of accuracy, as they were scored.

    Precision, ReLUs counted and seed are those of the joined table. An architecture that shares
    the score of an isomorph shares its kernel.

    Args:
        joined: joined table of the score naswot.
        order: Parquet file of `naswot.sampling.order_architectures`.
        batch: the mini-batch that the networks were scored on.
        output: .npz file to write.
        dataset: by whose reported accuracy the networks are cut into bands.
        bands, networks: how many bands, and how many networks are drawn of each.
        device: "auto" takes a GPU if torch sees one.

    Raises:
        NaswotError: a file is damaged, or no network has an accuracy on the dataset.
    """
    torch.set_num_threads(1)
    keep_freed_memory()
    target = choose_device(device)
    table, scored = read_parquet(joined), read_metadata(joined)
    space, seed = get_space(scored["space"]), scored["seed"]
    key = accuracy_key(table, space.name, dataset)
    cut = cut_into_bands(table[key].to_numpy(float), bands)
    rows = draw(cut, networks, seed)
    chosen = table.loc[np.concatenate(rows)]
    archs = read_parquet(order, ["index", "arch"]).set_index("index")["arch"]
    images = torch.from_numpy(read_mini_batch(batch).images).to(target)
    above = np.triu_indices(len(images), 1)
    pairs = np.empty((len(chosen), len(above[0])), np.int32)
    units = np.empty(len(chosen), np.int64)
    label = f"kernels of {space.name} on {scored['images']}"
    progress, changes = Progress(label, len(chosen), "networks"), np.zeros(len(chosen))
    for row, (representative, score) in enumerate(
        chosen[["representative", "score"]].itertuples(index=False)
    ):
        torch.manual_seed(seed)
        kernel, units[row], _ = hamming_kernel(
            space.build(archs[representative], 1), images, scored["precision"], scored["relu_count"]
        )
        if np.isfinite(score):
            changes[row] = abs(log_determinant(kernel) - score)
        pairs[row] = kernel.nan_to_num(nan=NOT_A_NUMBER).cpu().numpy()[above]
        progress.advance()
    accuracies = [table.loc[band, key] for band in cut]
    settings = {name: scored[name] for name in ("precision", "relu_count", "batch_size")}
    about = described(
        space=space.name,
        dataset=dataset,
        images=scored["images"],
        image_size=images.shape[-1],
        accuracy=key,
        seed=seed,
        **settings,
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
    log.info("%s: done; scores differ from the joined ones by %.2g or less", label, changes.max())


def accuracy_key(table: pd.DataFrame, space: str, dataset: str) -> str:
    """Return the accuracy of a joined table that is reported of a dataset, as in the figures.

    Raises:
        NaswotError: there is none.
    """
    scored = np.isfinite(table["score"])
    keys = datasets_of(space)[dataset].keys_among(accuracy_keys(table))
    counts = [(key, int((scored & np.isfinite(table[key])).sum())) for key in keys]
    if not any(table[key].notna().any() for key in keys):
        raise NaswotError(
            f"{space} has no accuracy on {dataset} to cut into bands; leave it out of `datasets`."
        )
    return reported_key(pd.DataFrame(counts, columns=["accuracy", "n"]), space, dataset)


def cut_into_bands(accuracy: np.ndarray, bands: int) -> list[np.ndarray]:
    """Return the rows of each band, equally many in each, from the worst accuracies to the best.

    Rows without an accuracy (NaN) are left out. There are fewer bands where there are fewer rows.
    """
    ranked = np.argsort(accuracy, kind="stable")[: np.isfinite(accuracy).sum()]
    return np.array_split(ranked, min(bands, len(ranked))) if len(ranked) else []


def draw(bands: Sequence[np.ndarray], networks: int, seed: int) -> list[np.ndarray]:
    """Return up to `networks` rows of each band, at random; more begin with those of fewer."""
    generator = np.random.default_rng(seed)
    return [generator.permutation(band)[:networks] for band in bands]


def seriation(pairs: np.ndarray, units: np.ndarray, images: int) -> np.ndarray:
    """Return an order of the images, int64 (B,), in which similar ones are neighbours.

    It is the optimal leaf order (Bar-Joseph, Gifford and Jaakkola 2001) of the average-linkage
    clustering by 1 − K_H / N_A, the mean over networks. Arguments as in `Kernels`.
    """
    known = np.flatnonzero(pairs[:, 0] != NOT_A_NUMBER)
    if not len(known):
        return np.arange(images)
    distance = 1 - sum(pairs[row] / units[row] for row in known) / len(known)
    return leaves_list(linkage(distance, "average", optimal_ordering=True)).astype(np.int64)
