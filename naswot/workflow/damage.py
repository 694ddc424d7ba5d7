"""Damage that befell results after they were written: found when a run starts."""

from pathlib import Path

from naswot.errors import NaswotError
from naswot.parquet import digest_of


def set_aside(results: str | Path) -> list[str]:
    """Rename the damaged Parquet files in a folder, so that the workflow makes them again.

    A file is damaged if it was cut, or its bytes do not match the checksum that it states. It
    stays beside its old place, hidden: `0002.parquet` becomes `.0002.parquet.damaged`.

    Returns:
        A message for each.

    Raises:
        NaswotError: a damaged file cannot be renamed.
    """
    messages = []
    for path in sorted(Path(results).rglob("[!.]*.parquet")):
        try:
            digest_of(path)
        except NaswotError as error:
            if not path.exists():  # another run makes it at this moment
                continue
            aside = path.with_name(f".{path.name}.damaged")
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
