"""Check JSON values: each function returns a valid value and raises `FaultError` otherwise."""

from collections.abc import Sequence
from typing import Any, NoReturn

from naswot.errors import shown

LARGEST = 1024  # width or depth: far above those of NDS, and the network can still be built


class FaultError(Exception):
    """Says what is wrong with an architecture; the message does not repeat the architecture."""


def fields(value: Any, path: str, names: Sequence[str], others: bool = False) -> list:
    """Return the values of the keys `names`; other keys are an error unless `others` is set."""
    if type(value) is not dict:
        wrong(value, path, f"an object with the keys {', '.join(names)}")
    for name in names:
        if name not in value:
            raise FaultError(f"{path} has no key {name!r}")
    unknown = [name for name in value if name not in names]
    if unknown and not others:
        raise FaultError(f"{path} has a key {excerpt(unknown[0])}; its keys are {', '.join(names)}")
    return [value[name] for name in names]


def listed(value: Any, path: str, length: int | None = None) -> list:
    """Return `value` if it is a list, and has `length` entries if that is given."""
    if type(value) is not list:
        wrong(value, path, "a list")
    if length is not None and len(value) != length:
        raise FaultError(f"{path} has {len(value)} entries; it should have {length}")
    return value


def choice(value: Any, path: str, choices: Sequence[str]) -> str:
    """Return `value` if it is one of the texts `choices`."""
    if type(value) is not str or value not in choices:
        wrong(value, path, f"one of {', '.join(choices)}")
    return value


def integer(value: Any, path: str, lowest: int = 1, highest: int = LARGEST) -> int:
    """Return `value` if it is a whole number in the range; `true` is not a number."""
    if type(value) is not int or not lowest <= value <= highest:
        wrong(value, path, f"a whole number from {lowest} to {highest}")
    return value


def number(value: Any, path: str, lowest: float, highest: float) -> float:
    """Return `value` as a float if it is a number in the range; NaN is not."""
    if type(value) not in (int, float) or not lowest <= value <= highest:
        wrong(value, path, f"a number from {lowest} to {highest}")
    return float(value)


def wrong(value: Any, path: str, expected: str) -> NoReturn:
    """Raise a `FaultError` that says that `value`, found at `path`, is not as expected."""
    raise FaultError(f"{path} is {shown(value)}; it should be {expected}")


def excerpt(text: str) -> str:
    """Return `text` in quotes, shortened if it is long."""
    return repr(text if len(text) <= 120 else f"{text[:119]}…")
