"""Find results that were damaged after they were written, when a run starts."""

import errno
from pathlib import Path

from naswot.errors import NaswotError
from naswot.io.parquet import digest_of


def set_aside(results: str | Path, rename: bool = True) -> list[str]:
    """Rename the damaged Parquet files in a folder, so that the workflow makes them again.

    A file is damaged if it is truncated or if its bytes do not match the checksum inside it. It
    stays in its folder under a hidden name: `0002.parquet` becomes `.0002.parquet.damaged`.

    Args:
        results: the folder.
        rename: whether to rename the files, or only to report what a run would do.

    Returns:
        One message per damaged file.

    Raises:
        NaswotError: a file cannot be read, so that its content is unknown, or cannot be renamed.
    """
    messages = []
    for path in sorted(Path(results).rglob("[!.]*.parquet")):
        try:
            if path.is_file():
                digest_of(path)
        except NaswotError as error:
            if not path.exists():  # another run is writing it now
                continue
            if _is_unread(error.__cause__):
                raise
            aside = path.with_name(f".{path.name}.damaged")
            if not rename:
                messages.append(f"{path} is damaged: a run makes it again when it is needed.")
                continue
            try:
                path.replace(aside)
            except OSError as refused:
                raise NaswotError(
                    f"{path} is damaged and cannot be set aside ({refused.strerror}): delete it "
                    "and run again."
                ) from error
            messages.append(
                f"{path} is damaged: set aside as {aside.name}, and made again when it is needed."
            )
    return messages


def _is_unread(cause: BaseException | None) -> bool:
    """Return whether the system refused to read a file; a file that is too short gives EINVAL."""
    if isinstance(cause, OSError):
        return cause.errno not in (None, errno.EINVAL)
    return isinstance(cause, MemoryError)
