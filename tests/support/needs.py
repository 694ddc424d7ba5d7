"""Skip or fail tests for which the machine lacks something."""

import importlib.util
import os
from types import ModuleType
from typing import NoReturn

import pytest

from naswot.io.user_code import import_package


def lacking(what: str) -> NoReturn:
    """Skip a test for which the machine lacks `what`; fail it if NASWOT_NEEDS_ALL is set."""
    if os.environ.get("NASWOT_NEEDS_ALL"):
        pytest.fail(what)
    pytest.skip(what)


def torchvision_models() -> ModuleType:
    """Return `torchvision.models`; skip the test where torchvision is not installed.

    Beside the other packages of the tests it cannot be. `make test-zoo` installs it apart, and sets
    NASWOT_NEEDS_TORCHVISION, so that a missing one is a failure there.
    """
    if importlib.util.find_spec("torchvision") is None:
        if os.environ.get("NASWOT_NEEDS_TORCHVISION"):
            pytest.fail("torchvision is not installed")
        pytest.skip("torchvision is not installed; `make test-zoo` runs this test")
    return import_package("torchvision.models")
