"""Compute digests of files, folders and arrays, to tell whether their content has changed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 1 << 16  # bytes
LOOKED_AT = 256  # number of blocks read from a large file


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 digest of a file in hexadecimal, as `sha256sum` prints it.

    For a folder, return the digest of the output of `sha256sum` for its files, sorted by name.
    """
    path = Path(path)
    if path.is_dir():
        lines = (f"{sha256_of(file)}  {file.relative_to(path)}\n" for file in _files(path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def quick_digest(path: str | Path) -> str:
    """Return a digest that tells whether a file or folder was replaced by another.

    It does not depend on dates and takes milliseconds. For a file it covers the size and 256 evenly
    spaced blocks of 64 KiB (the whole file up to 16 MiB); for a folder, names and sizes.
    """
    path, digest = Path(path), hashlib.sha256()
    if path.is_dir():
        for file in _files(path):
            digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\n".encode())
        return digest.hexdigest()
    size = path.stat().st_size
    digest.update(f"{size}\n".encode())
    step = max(BLOCK, -(-max(size - BLOCK, 0) // (LOOKED_AT - 1)))
    with path.open("rb") as stream:
        for start in range(0, size, step):
            stream.seek(start)
            digest.update(stream.read(BLOCK))
    return digest.hexdigest()


def digest_of_arrays(*arrays: Any) -> str:
    """Return the SHA-256 digest of the numbers in tensors or arrays; None is skipped."""
    sha256 = hashlib.sha256()
    for array in arrays:
        if array is not None:
            on_cpu = array.cpu().numpy() if hasattr(array, "cpu") else np.asarray(array)
            sha256.update(on_cpu.tobytes())
    return sha256.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
