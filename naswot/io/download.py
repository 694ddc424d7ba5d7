"""Fetch official files from the mirror or by download, and check them.

`config/sources.yaml` lists the files. A download is written to `<name>.part` beside its final
name and resumes after an interruption, in the same run or the next. It gets its final name when
its size and checksums match the published ones.
"""

import contextlib
import difflib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from naswot.errors import NaswotError, shown
from naswot.io.atomic import replacing
from naswot.io.https import Transfer
from naswot.io.yaml import read_yaml

BLOCK_BYTES = 2**20
# Relative paths that stay inside the folder of downloads or of a mirror.
NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


@dataclass(frozen=True)
class Source:
    """One official file.

    Attributes:
        url: address of the download; None: it can only be fetched by hand.
        page: the official page that describes it.
        sha256, md5, bytes: checksums and size as published, or None.
        licence: the terms of use.
        note: description of the file.
    """

    url: str | None
    page: str
    sha256: str | None
    md5: str | None
    bytes: int | None
    licence: str
    note: str

    @property
    def is_known(self) -> bool:
        """Whether a checksum is published."""
        return bool(self.sha256 or self.md5)


def read_sources(path: str | Path) -> dict[str, Source]:
    """Return name → source, as listed in a file such as `config/sources.yaml`.

    Raises:
        NaswotError: the file is missing or not YAML, the keys of an entry are not the fields of a
            `Source`, or its name leads out of the folder.
    """
    entries = read_yaml(path)
    keys = [field.name for field in fields(Source)]
    if not isinstance(entries, dict):
        raise NaswotError(f"{path} should map names of files to {', '.join(keys)}.")
    for name, entry in entries.items():
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise NaswotError(
                f"{path}: {shown(name)} is not a file name; use letters, digits and _ . -, and / "
                "for folders."
            )
        if not isinstance(entry, dict) or entry.keys() != set(keys):
            raise NaswotError(f"{path}: {name[:120]} should have the keys {', '.join(keys)}.")
    return {name: Source(**entry) for name, entry in entries.items()}


def fetch(
    name: str,
    destination: str | Path,
    sources: Mapping[str, Source],
    mirror: str | Path | None = None,
    *,
    wait_s: float = 1.0,
    timeout_s: float = 60.0,
) -> str:
    """Put the official file `name` at `destination`; return a line that says how.

    A file that already exists and passes the checks stays. Else the file is copied from the mirror,
    if it is there as `name` or `sources/name`. Else it is downloaded. If no checksum is published,
    its sha256 is recorded in `<destination>.sha256`, and later files must match it.

    Args:
        name: a key of `sources`.
        destination: the path of the file to make.
        sources: see :func:`read_sources`.
        mirror: a directory to search before downloading, or None.
        wait_s: seconds before the second attempt; each further wait is twice as long.
        timeout_s: seconds without a byte after which an attempt fails.

    Raises:
        NaswotError: the name is unknown, the file must be fetched by hand, the server does not
            deliver, a checksum is wrong, or the disk is full. `destination` is then unchanged.
    """
    destination = Path(destination)
    source = _source(name, sources)
    if destination.is_file():
        sha256, problem = _inspect(destination, source, _recorded(destination))
        if problem is None:
            os.utime(destination)
            return _keep(f"{name}: already there", destination, source, sha256)
    for file in () if mirror is None else (Path(mirror) / name, Path(mirror) / "sources" / name):
        if file.is_file():
            return _copy(name, file, destination, source)
    if source.url is None:
        raise NaswotError(
            f"{name} must be fetched by hand: {source.page} describes where. Put it into the "
            "mirror directory, or its folder `sources`, under this name."
        )
    part = destination.with_name(f"{destination.name}.part")
    with _writing(destination):
        part.parent.mkdir(parents=True, exist_ok=True)
        if not source.is_known:  # no checksum would show that the file has changed since
            part.unlink(missing_ok=True)
        Transfer(source.url, part, source.bytes, timeout_s).run(wait_s)
        sha256, problem = _inspect(part, source, _recorded(destination))
        if problem is not None:
            part.unlink()
            raise NaswotError(
                f"{name} from {source.url} is not the published file: {problem}. It was removed; "
                f"run again, or fetch it by hand (see {source.page}) and put it into the mirror."
            )
        os.replace(part, destination)
    return _keep(f"{name}: downloaded from {source.url}", destination, source, sha256)


def _source(name: str, sources: Mapping[str, Source]) -> Source:
    if name not in sources:
        close = difflib.get_close_matches(name, sources, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sources)}."
        raise NaswotError(f"There is no source {name!r}; {hint}")
    return sources[name]


def _copy(name: str, mirrored: Path, destination: Path, source: Source) -> str:
    # A copy, not a link: changes must not reach the mirror, and Snakemake compares times.
    with replacing(destination) as temporary:
        shutil.copyfile(mirrored, temporary)
        recorded = _recorded(mirrored) or _recorded(destination)
        sha256, problem = _inspect(temporary, source, recorded)
        if problem is not None:
            raise NaswotError(
                f"{mirrored} is not the published file: {problem}. Put an intact copy in its "
                "place, or remove it to have it downloaded."
            )
    return _keep(f"{name}: copied from {mirrored}", destination, source, sha256)


def _keep(done: str, destination: Path, source: Source, sha256: str) -> str:
    """Record the sha256 of a file if none is published; return `done` and how it was checked."""
    if source.is_known:
        return f"{done}, {'sha256' if source.sha256 else 'md5'} as published"
    with replacing(_record_path(destination)) as temporary:
        temporary.write_text(f"{sha256}  {destination.name}\n", encoding="utf-8")
    return f"{done}, sha256 {sha256} recorded (none is published)"


def _inspect(path: Path, source: Source, recorded: str | None) -> tuple[str, str | None]:
    """Return a file's sha256, and what is wrong with the file or None."""
    digests = _digests(path)
    sha256, size = digests["sha256"], path.stat().st_size
    if source.bytes and size != source.bytes:
        return sha256, f"it has {size:,} bytes instead of {source.bytes:,}"
    for kind, published in (("sha256", source.sha256), ("md5", source.md5)):
        if published and digests[kind] != published:
            return sha256, f"its {kind} is {digests[kind]}, the published one is {published}"
    if recorded and sha256 != recorded:
        return sha256, f"its sha256 is {sha256}, that of the first download was {recorded}"
    return sha256, None


def _digests(path: Path) -> dict[str, str]:
    sums = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
    with path.open("rb") as stream:
        while chunk := stream.read(BLOCK_BYTES):
            for total in sums.values():
                total.update(chunk)
    return {kind: total.hexdigest() for kind, total in sums.items()}


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    """Return the sha256 recorded beside a file, in the form of sha256sum, or None."""
    record = _record_path(path)
    text = record.read_text(encoding="utf-8", errors="replace") if record.is_file() else ""
    words = text.split()
    return words[0] if words else None


@contextlib.contextmanager
def _writing(destination: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NaswotError(
            f"{destination} cannot be written: {error.strerror or error}. Free some space or "
            "change the permissions, then run the same command again: downloaded bytes are kept."
        ) from error
