"""Check the promise of every reader: a right answer, or one `NaswotError` that names the file."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from naswot.errors import NaswotError

LONGEST_MESSAGE = 4000  # characters; what a person can still read


@dataclass(frozen=True)
class Target:
    """A reader to hand broken input to.

    Attributes:
        name: of the target.
        seeds: returns small valid inputs.
        read: reads the file at a path.
        file: the name that the file gets; None: `read` takes the bytes themselves.
        wrap: turns fuzzed bytes into the file's content, e.g. by framing them with checksums.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[..., object]
    file: str | None = None
    wrap: Callable[[bytes], bytes] = bytes


def attempt(target: Target, data: bytes, folder: Path) -> NaswotError | None:
    """Hand `data` to a reader; return its complaint, None if it had none.

    Raises:
        AssertionError: the complaint does not name the file, or is too long.
        Exception: whatever else than a NaswotError the reader raised.
    """
    if target.file is None:
        return _complaint(target, data)
    path = folder / target.file
    path.write_bytes(target.wrap(data))
    error = _complaint(target, path)
    assert error is None or target.file in str(error), f"the file is not named: {error}"
    return error


def _complaint(target: Target, given: bytes | Path) -> NaswotError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.read(given)
    except NaswotError as error:
        complaint = error
    else:
        return None
    assert 0 < len(str(complaint)) <= LONGEST_MESSAGE, f"{len(str(complaint))} characters"
    return complaint
