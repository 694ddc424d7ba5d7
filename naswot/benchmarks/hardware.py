"""Read what architectures cost on devices: HW-NAS-Bench for NAS-Bench-201.

HW-NAS-Bench (Li et al., ICLR 2021, https://openreview.net/forum?id=_0kaDkv3dVf) has the latency of
one image in ms on six devices, and the energy in mJ on three of them. Four devices were measured;
the costs on Eyeriss, a chip, and on the FPGA are estimates. A latency of −1 marks an architecture
that the Edge TPU's compiler refused (https://github.com/GATECH-EIC/HW-NAS-Bench/issues/11); it is
read as NaN.

The file is one of two:

- a Parquet table with one row per architecture: ``index``, the official index, and columns such as
  ``cifar10/raspi4_latency``;
- the benchmark's own ``HW-NAS-Bench-v1_0.pickle``: dictionaries ``["nasbench201"][data set]`` of
  ``raspi4_latency`` and so on, each a list or an array by official index, and ``config``, for each
  index a dictionary with the cell string ``arch_str`` (`hw_nas_bench_api` in
  github.com/GATECH-EIC/HW-NAS-Bench reads it so). Its part on FBNet is not read.

The table that is read from it names the unit: ``cifar10/raspi4/latency-ms``.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.parquet import read_parquet, write_parquet
from naswot.io.pickles import ENCODED, NUMPY_ARRAYS, NUMPY_SCALARS, ORDERED_DICT, load
from naswot.spaces import SPACES

SOURCE = "HW-NAS-Bench (Li et al., ICLR 2021)"
LICENCE = "MIT"
SPACE = "nasbench201"  # the search space whose costs these are
FILE = "nasbench201_hardware.parquet"  # in a mirror
OFFICIAL = "HW-NAS-Bench-v1_0.pickle"
FILES = (FILE, OFFICIAL)  # the first that a mirror has is read
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
ALLOWED = ENCODED | NUMPY_ARRAYS | NUMPY_SCALARS | ORDERED_DICT  # names in the pickle
ARRAY_BYTES = 8 * 15_625  # of one column

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


def find_file(mirror: str | Path | None) -> Path | None:
    """Return the file of costs in a mirror; None if it has none."""
    places = [Path(mirror, file) for file in FILES] if mirror else []
    return next((place for place in places if place.exists()), None)


def convert_hardware(mirror: str | Path | None, output: str | Path) -> None:
    """Write the costs of all architectures: a Parquet file with the table of `read`.

    Args:
        mirror: the directory that has the file; None: there is none.
        output: the file to write.

    Raises:
        NaswotError: the file is missing or not as `read` needs it.
    """
    path = find_file(mirror)
    if path is None:
        place = f"mirror = {mirror} has neither" if mirror else "no `mirror` is set"
        raise NaswotError(
            f"latencies on devices are read from {FILE} or {OFFICIAL}, and {place}. The numbers "
            f"are those of {SOURCE}; docs/explanation/search_study.md says more."
        )
    metadata = {"space": SPACE, "source": SOURCE, "licence": LICENCE, "source_file": path.name}
    write_parquet(read(path), output, metadata)


def read(path: str | Path) -> pd.DataFrame:
    """Read costs on devices: `index`, `arch` and the columns of `COLUMNS`, in the official order.

    Costs are positive, in ms and mJ; NaN where the device has none.

    Raises:
        NaswotError: the file is damaged, or a column or an architecture is missing, an index is
            there twice, or a cost is not a positive number.
    """
    own = Path(path).suffix == Path(OFFICIAL).suffix
    table = _read_pickle(Path(path)) if own else read_parquet(path, ["index", *COLUMNS])
    table = table.rename(columns=COLUMNS)
    _check_indices(table["index"], path)
    table = table.sort_values("index", ignore_index=True)
    table.insert(1, "arch", SPACES[SPACE].architectures())  # type: ignore[misc]
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


def _read_pickle(path: Path) -> pd.DataFrame:
    """Return `index` and the keys of `COLUMNS` from the benchmark's own file."""
    try:
        with path.open("rb") as stream:
            content = load(stream, ALLOWED, str(path), longest_text=ARRAY_BYTES)
    except OSError as error:
        raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    architectures = SPACES[SPACE].architectures()  # type: ignore[misc]
    columns: dict[str, object] = {"index": np.arange(len(architectures), dtype=np.int32)}
    try:
        for dataset in MEASURED_ON:
            costs = content[SPACE][dataset]
            for index, arch in enumerate(architectures):
                found = costs["config"][index]["arch_str"]
                if found != arch:
                    raise ValueError(f"it has {shown(found)} at index {index} instead of {arch}")
            for name in COLUMNS:
                if name.startswith(f"{dataset}/"):
                    column = np.asarray(costs[name.partition("/")[2]], float)
                    if column.shape != (len(architectures),):
                        raise ValueError(f"{name} has {shown(column.shape)} numbers")
                    columns[name] = column
    except MALFORMED_RECORD_ERRORS as error:
        raise NaswotError(
            f"{path} is not HW-NAS-Bench ({type(error).__name__}: {str(error)[:400]}). Put "
            f"{OFFICIAL} in its place."
        ) from error
    return pd.DataFrame(columns)


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
