"""Write and read archives of NumPy arrays (.npz): no pickles, and a bound on their size."""

import json
import zipfile
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.io.atomic import replacing

LARGEST_ARRAYS_BYTES = 2**32  # four times the size of all ImageNet images at 16×16 pixels


def write_arrays(path: str | Path, metadata: dict, **arrays: np.ndarray) -> None:
    """Write named arrays and `metadata` to a compressed .npz file."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, metadata=json.dumps(metadata), **arrays)  # type: ignore[arg-type]


def array_bytes(path: str | Path) -> dict[str, int]:
    """Return the bytes of every array of an .npz file, without reading them.

    Raises:
        OSError, ValueError: the file cannot be read, or is no .npz file.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    return {member.filename.removesuffix(".npy"): member.file_size for member in members}


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file; pickled objects are refused.

    Raises:
        NaswotError: the file is missing, damaged, or holds pickled objects.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            size = sum(member.file_size for member in members)
            if size > LARGEST_ARRAYS_BYTES:
                raise ValueError(f"it would have {size:,} bytes")
            # Other compression methods expand without bound, however few bytes are requested.
            kinds = {member.compress_type for member in members}
            if not kinds <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise ValueError("it is neither stored nor deflated")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except Exception as error:  # zipfile, zlib and numpy each raise their own kinds
        raise NaswotError(
            f"{path} is not a readable .npz archive of plain arrays ({error}). Put an intact copy "
            "in its place, or delete it if the workflow made it, and run again."
        ) from error
