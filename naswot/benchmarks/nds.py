"""Read NDS, "On Network Design Spaces for Visual Recognition": JSON files such as ``DARTS.json``.

They are published in one zip archive; packed and unpacked files are read. A file is a list of
trained networks, or a dictionary of two such lists, ``top`` and ``mid``. A network is a dictionary
with, among others:

- ``net``: in cell spaces ``genotype`` (``normal``, ``normal_concat``, ``reduce``,
  ``reduce_concat``), ``width``, ``depth``, ``aux``, ``drop_prob``; in the others
  ``block_type``, ``ds``, ``ws``, ``ss``, ``bot_muls``, ``num_gs``, whose first entry is the stem;
- ``test_ep_top1``: top-1 **error** in percent after each epoch; ``min_test_top1``: the smallest;
- ``params``, ``flops``, ``iter_time`` (seconds of an iteration), ``optim``, ``rng_seed``.

Source: Radosavovic, Johnson, Xie, Lo & Dollár, ICCV 2019; facebookresearch/nds.
"""

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown

SOURCE = "NDS"
# Names in the files, without suffixes such as _in (ImageNet) and _fix-w-d.
CELLS = ("Amoeba", "DARTS", "ENAS", "NASNet", "PNAS")
STAGES = ("ResNet", "ResNeXt-A", "ResNeXt-B", "Vanilla")
_CELL_KEYS = ("width", "depth", "aux", "drop_prob", "genotype")
_GENOTYPE_KEYS = ("normal", "normal_concat", "reduce", "reduce_concat")
_STAGE_KEYS = ("block_type", "ds", "ws", "ss", "bot_muls", "num_gs")

# Limits against malicious files that would fill the memory.
LARGEST_MEMBER_BYTES = 2**30
MOST_CONTAINERS = 10_000_000  # lists and dictionaries; a network has about sixty


def read(path: str | Path, space: str) -> pd.DataFrame:
    """Return the benchmark table of an NDS file, one row per network in file order.

    Columns, where `dataset` is ``cifar10``, or ``ImageNet`` for spaces that end in ``_in``:

    - ``index``; ``part``: ``top`` or ``mid``, if the file has these;
    - ``arch``: in cell spaces ``{"searchspace":"DARTS","net":{…}}``, in the others the
      dictionary ``net``; JSON without spaces, keys in a fixed order. An architecture may repeat;
    - ``params``, ``flops``, ``seed``, ``base_lr``, ``weight_decay``, and
      ``train-seconds-per-iteration``; empty where a network has none;
    - ``dataset/test/epochs``: 100 − error in percent after the last epoch; ``…/best``: after the
      best epoch; ``…/per-epoch``: after each epoch, a list. Networks trained for a different
      number of epochs have separate columns.

    Args:
        path: the file, or a zip archive with the file of the space in any folder.
        space: its design space, such as "DARTS", "nds_darts_in" or "ResNeXt-A".

    Raises:
        NaswotError: there is no such space, or the file is missing, is damaged, or holds a network
            that does not have the form above.
    """
    path, name = Path(path), official_name(space)
    origin = f"{path}: {name}.json" if _is_archive(path) else str(path)
    dataset = "ImageNet" if name.endswith("_in") else "cifar10"
    rows, curves = [], []
    for number, (part, network) in enumerate(_networks(path, name, origin)):
        try:
            optimiser = network.get("optim", {})
            curve = 100 - np.array(network["test_ep_top1"], float)
            best = 100 - float(network["min_test_top1"])
            if curve.ndim != 1 or not len(curve) or any(a < 0 or a > 100 for a in (*curve, best)):
                raise ValueError("its errors are not one percentage per epoch")
            rows.append(
                {
                    "part": part,
                    "arch": _architecture(network["net"], name),
                    "params": _whole(network.get("params")),
                    "flops": _whole(network.get("flops")),
                    "seed": _whole(network.get("rng_seed")),
                    "base_lr": float(optimiser.get("base_lr", math.nan)),
                    "weight_decay": float(optimiser.get("wd", math.nan)),
                    "train-seconds-per-iteration": float(network.get("iter_time", math.nan)),
                    f"{dataset}/test/{len(curve)}": curve[-1],
                    f"{dataset}/test/{len(curve)}/best": best,
                }
            )
            curves.append(curve)
        except MALFORMED_RECORD_ERRORS as error:
            raise NaswotError(
                f"{origin}: network {number} is not one of {name} ({type(error).__name__}: "
                f"{str(error)[:200]}). Put the benchmark's own file in its place, or name its "
                "design space."
            ) from error
    table = pd.DataFrame(rows)
    table.insert(0, "index", np.arange(len(table), dtype=np.int32))
    for column in ("params", "flops", "seed"):
        table[column] = table[column].astype("Int64")
    if table["part"].isna().all():
        table = table.drop(columns="part")
    for epochs in sorted(set(map(len, curves))):
        lists = pd.Series(
            [curve if len(curve) == epochs else None for curve in curves], dtype=object
        )
        table[f"{dataset}/test/{epochs}/per-epoch"] = lists
    return table


def official_name(space: str) -> str:
    """Return the name of a design space in NDS's files: "nds_darts_in" → "DARTS_in".

    Raises:
        NaswotError: there is no such space.
    """
    family, *suffixes = space.removeprefix("nds_").split("_")
    for official in (*CELLS, *STAGES):
        if family.lower() == official.lower():
            return "_".join((official, *suffixes))
    raise NaswotError(
        f"There is no NDS design space {space!r}; there are: {', '.join((*CELLS, *STAGES))}, each "
        "also with suffixes such as _in and _fix-w-d."
    )


def _networks(path: Path, name: str, origin: str) -> list[tuple[str | None, dict]]:
    try:
        archived = _is_archive(path)
        text = _member(path, f"{name}.json") if archived else path.read_bytes()
        if text.count(b"[") + text.count(b"{") > MOST_CONTAINERS:
            raise ValueError(f"it has more than {MOST_CONTAINERS:,} lists and dictionaries")
        content = json.loads(text)
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (OSError, RecursionError, ValueError) as error:
        raise NaswotError(
            f"{origin} is not JSON ({error}). Put an intact copy in its place."
        ) from error
    parts: dict[str | None, list]
    if isinstance(content, list):
        parts = {None: content}
    elif (
        isinstance(content, dict)
        and content.keys() == {"top", "mid"}
        and all(isinstance(part, list) for part in content.values())
    ):
        parts = content
    else:
        parts = {}
    networks = [(part, network) for part, members in parts.items() for network in members]
    if not networks:
        raise NaswotError(
            f"{origin} is neither a list of networks nor a dictionary of 'top' and 'mid'."
        )
    return networks


def _is_archive(path: Path) -> bool:
    return path.suffix == ".zip"


def _member(path: Path, file: str) -> bytes:
    """Return the content of `file` in a zip archive, in whatever folder it is there."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            found = [m for m in members if m.filename.rsplit("/", 1)[-1] == file]
            if len(found) != 1:
                names = ", ".join(sorted(member.filename[:60] for member in members)[:30])
                raise NaswotError(
                    f"{path} has {len(found) or 'no'} {file}; it has: {names or 'nothing'}. Put "
                    "the published archive in its place."
                )
            size = found[0].file_size
            if size > LARGEST_MEMBER_BYTES:
                raise NaswotError(
                    f"{path}: {file} would have {size:,} bytes; no file of the benchmark is larger "
                    f"than {LARGEST_MEMBER_BYTES:,}. Put the published archive in its place."
                )
            # Other compressions may expand more than `read` asks for.
            if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{file} is neither stored nor deflated")
            with archive.open(found[0]) as stream:
                # This expands no more than the stated size; then zipfile compares the checksum.
                return stream.read(size)
    except (FileNotFoundError, NaswotError):
        raise
    except Exception as error:  # zipfile and zlib each raise their own kinds
        raise NaswotError(
            f"{path} is not a readable zip archive (truncated or corrupt: {error}). Put an intact "
            "copy in its place."
        ) from error


def _whole(number: float | None) -> int | None:
    if number is None:
        return None
    whole = int(number)
    if abs(whole) >= 2**63:
        raise ValueError(f"it counts {shown(number)} of something")
    return whole


def _architecture(net: dict, name: str) -> str:
    if name.split("_")[0] in CELLS:
        genotype = {key: net["genotype"][key] for key in _GENOTYPE_KEYS}
        net = _ordered(net | {"genotype": genotype}, _CELL_KEYS, required=("width", "depth"))
        net = {"searchspace": name, "net": net}
    else:
        net = _ordered(net, _STAGE_KEYS, required=("ds", "ws", "ss"))
    return json.dumps(net, separators=(",", ":"))


def _ordered(entries: dict, keys: tuple[str, ...], required: tuple[str, ...]) -> dict:
    """Return `entries` with `keys` first, in that order, then the others in order of name."""
    missing = [key for key in required if key not in entries]
    if missing:
        raise ValueError(f"its 'net' has no {missing[0]!r}")
    others = sorted(entries.keys() - set(keys))
    return {key: entries[key] for key in (*keys, *others) if key in entries}
