"""Turn an opened object of the packages nats_bench or nas_201_api into our benchmark table.

Neither package is imported here: the object brings its own code. What is used of it is the list
`meta_archs`, the mapping `arch2infos_dict` (index → training length → results, which `state_dict`
turns into the records of `naswot.benchmarks.trainings`), and in nats_bench's fast mode the folder
`archive_dir`. Sources: D-X-Y/NATS-Bench, `nats_bench/api_utils.py`; D-X-Y/NAS-Bench-201,
`nas_201_api/api_utils.py` (both MIT).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from naswot.benchmarks import nats_bench
from naswot.benchmarks.table import check
from naswot.benchmarks.trainings import Trainings
from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError
from naswot.spaces import SPACES

NAMES = {"tss": "nasbench201", "sss": "natsbench_sss"}  # part of NATS-Bench → search space


def from_api(api: Any) -> pd.DataFrame:
    """Return the benchmark table of an opened NATS-Bench or NAS-Bench-201.

    It has all training lengths and seeds that `api` holds: the columns of
    `naswot.benchmarks.trainings.Trainings.table`, with one row per architecture of the space in
    official order. Where `api` has no results of an architecture, the accuracies are empty. In
    nats_bench's fast mode `api` loads architectures when it is asked for them; then all that are in
    its folder are read.

    Args:
        api: a `NATStopology` or `NATSsize` of the package nats_bench, or a `NASBench201API` of
            nas_201_api. It stays as it is.

    Raises:
        NaswotError: `api` is no such object, has no results, or a record is damaged.
    """
    name = f"{type(api).__module__}.{type(api).__qualname__}"
    architectures: Any = getattr(api, "meta_archs", None)
    infos = getattr(api, "arch2infos_dict", None)
    size = len(architectures) if isinstance(architectures, list) else None
    kind = next((kind for kind, known in nats_bench.SIZES.items() if known == size), None)
    if kind is None or not isinstance(infos, Mapping):
        raise NaswotError(
            f"A {name} is not an opened NATS-Bench or NAS-Bench-201: hand over what "
            "nats_bench.create(…) or nas_201_api.NASBench201API(…) returned."
        )
    folder = getattr(api, "archive_dir", None)
    if getattr(api, "fast_mode", False) and folder is not None:
        table = nats_bench.read(folder, kind)
    else:
        table = _held(architectures, infos, name)
    return check(table, SPACES[NAMES[kind]], name)


def _held(architectures: list[str], infos: Mapping[int, Mapping], name: str) -> pd.DataFrame:
    if not infos:
        raise NaswotError(f"The {name} has no results: open it with a benchmark file.")
    trainings = Trainings(len(architectures))
    for index, lengths in infos.items():
        try:
            records = [lengths[length].state_dict() for length in sorted(lengths, key=int)]
            found = {record["arch_str"] for record in records}
            if found != {architectures[index]}:
                raise ValueError(f"its results are of {', '.join(map(str, found))[:400]}")
            results = [record["all_results"] for record in records]
        except MALFORMED_RECORD_ERRORS as error:
            raise NaswotError(
                f"Architecture {index} of the {name} does not have the results of the benchmark "
                f"({type(error).__name__}: {str(error)[:400]}). Open the official file."
            ) from error
        for result in results:
            trainings.add(index, result, name)
    return trainings.table(architectures)
