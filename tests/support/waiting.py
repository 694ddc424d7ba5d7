"""Wait for another process to do something."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, patience_s: float = 120) -> T:
    """Wait until a condition is true and return its value; an AssertionError names `what`."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {patience_s} s it is not so that {what}"
        time.sleep(0.05)
    return found
