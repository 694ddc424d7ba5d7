"""What tests need of the machine."""

import os
from typing import NoReturn

import pytest


def lacking(what: str) -> NoReturn:
    """Skip a test that the machine lacks something for; fail it where nothing may be lacking."""
    if os.environ.get("NASWOT_NEEDS_ALL"):
        pytest.fail(what)
    pytest.skip(what)
