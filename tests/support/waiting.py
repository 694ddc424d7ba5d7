"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, patience_s: float = 120) -> T:
    """Wait for a condition and return what it is; an AssertionError says what never came."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {patience_s} s it is not so that {what}"
        time.sleep(0.05)
    return found
