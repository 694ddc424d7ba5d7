"""Read what architectures cost on devices: HW-NAS-Bench for NAS-Bench-201.

HW-NAS-Bench (Li et al., ICLR 2021, https://openreview.net/forum?id=_0kaDkv3dVf) has the latency of
one image in ms on six devices, and the energy in mJ on three of them. Four devices were measured;
the costs on Eyeriss, a chip, and on the FPGA are estimates. A latency of −1 marks an architecture
that the Edge TPU's compiler refused (https://github.com/GATECH-EIC/HW-NAS-Bench/issues/11); it is
read as NaN.

The file is a Parquet table with one row per architecture: ``index``, the official index, and
columns such as ``cifar10/raspi4_latency``. The table that is read from it names the unit:
``cifar10/raspi4/latency-ms``.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet, write_parquet
from naswot.spaces import SPACES

SOURCE = "HW-NAS-Bench (Li et al., ICLR 2021)"
LICENCE = "MIT"
SPACE = "nasbench201"  # the search space whose costs these are
FILE = "nasbench201_hardware.parquet"  # in a mirror
# Name in the file → name for readers.
DEVICES: Mapping[str, str] = MappingProxyType(
    {
        "edgegpu": "Edge GPU",
        "raspi4": "Raspberry Pi 4",
        "edgetpu": "Edge TPU",
        "pixel3": "Pixel 3",
        "eyeriss": "Eyeriss (estimated)",
        "fpga": "FPGA (estimated)",
    }
)
WITH_ENERGY = ("edgegpu", "eyeriss", "fpga")
# The data sets as the benchmark names them; the size of an image and of the classifier differ.
MEASURED_ON = ("cifar10", "cifar100", "ImageNet16-120")
REFUSED = -1.0  # the compiler of the device refused the architecture

# Column of the file → column of the table.
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        f"{dataset}/{device}_{kind}": f"{dataset}/{device}/{kind}-{unit}"
        for dataset in MEASURED_ON
        for kind, unit, devices in (("latency", "ms", DEVICES), ("energy", "mj", WITH_ENERGY))
        for device in devices
    }
)


def latency_column(dataset: Dataset, device: str) -> str:
    """Return the column of the latencies (ms) of networks for a data set on a device."""
    return f"{dataset.test.split('/')[0]}/{device}/latency-ms"


def convert_hardware(mirror: str | Path | None, output: str | Path) -> None:
    """Write the costs of all architectures: a Parquet file with the table of `read`.

    Args:
        mirror: the directory that has the file; None: there is none.
        output: the file to write.

    Raises:
        NaswotError: the file is missing or not as `read` needs it.
    """
    path = Path(mirror or "", FILE)
    if mirror is None or not path.exists():
        place = f"mirror = {mirror} lacks it" if mirror else "no `mirror` is set"
        raise NaswotError(
            f"latencies on devices are read from {FILE}, and {place}. Its numbers are those of "
            f"{SOURCE}; docs/search_study.md says how to make it."
        )
    metadata = {"space": SPACE, "source": SOURCE, "licence": LICENCE, "source_file": FILE}
    write_parquet(read(path), output, metadata)


def read(path: str | Path) -> pd.DataFrame:
    """Read costs on devices: `index` and the columns of `COLUMNS`, in the official order.

    Costs are positive, in ms and mJ; NaN where the device has none.

    Raises:
        NaswotError: the file is damaged, or a column or an architecture is missing, an index is
            there twice, or a cost is not a positive number.
    """
    table = read_parquet(path, ["index", *COLUMNS]).rename(columns=COLUMNS)
    _check_indices(table["index"], path)
    table = table.sort_values("index", ignore_index=True)
    for name in COLUMNS.values():
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise NaswotError(f"{path}: the column of {name} does not hold numbers.")
        costs = table[name].to_numpy(float, na_value=np.nan)
        costs = np.where(costs == REFUSED, np.nan, costs)
        wrong = np.flatnonzero((costs <= 0) | np.isinf(costs))
        if len(wrong):
            raise NaswotError(
                f"{path}: {name} of the architecture with index {table['index'][wrong[0]]} is "
                f"{costs[wrong[0]]:g}; a cost is positive, or −1 where the device has none."
            )
        table[name] = costs
    return table


def _check_indices(index: pd.Series, path: str | Path) -> None:
    """Check that each architecture of the space is there once, by its official index."""
    if not pd.api.types.is_integer_dtype(index) or index.hasnans:
        raise NaswotError(f"{path}: column 'index' does not hold a whole number in each row.")
    architectures = SPACES[SPACE].architectures()  # type: ignore[misc]
    missing = np.setdiff1d(np.arange(len(architectures)), index)
    if len(missing):
        raise NaswotError(
            f"{path} lacks {len(missing):,} of the {len(architectures):,} architectures of "
            f"{SPACE}, such as {architectures[missing[0]]} (index {missing[0]})."
        )
    if len(index) > len(architectures):
        wrong = index[index.duplicated() | ~index.isin(range(len(architectures)))].iloc[0]
        raise NaswotError(f"{path}: index {wrong} is there twice, or is not of {SPACE}.")
