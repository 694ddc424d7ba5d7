"""Skip or fail tests for which the machine lacks something."""

import os
from typing import NoReturn

import pytest


def lacking(what: str) -> NoReturn:
    """Skip a test for which the machine lacks `what`; fail it if NASWOT_NEEDS_ALL is set."""
    if os.environ.get("NASWOT_NEEDS_ALL"):
        pytest.fail(what)
    pytest.skip(what)
