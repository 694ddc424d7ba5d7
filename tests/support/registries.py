"""What custom spaces leave in the registries of the library."""

import contextlib
from collections.abc import Iterator

from naswot.benchmarks import datasets, sources
from naswot.spaces import SPACES


@contextlib.contextmanager
def forgetting() -> Iterator[None]:
    """Forget the spaces of a user that are registered in the block."""
    registries = (SPACES, sources.SOURCES, datasets._DATASETS)
    known = [dict(registry) for registry in registries]
    try:
        yield
    finally:
        for registry, content in zip(registries, known, strict=True):
            registry.clear()
            registry.update(content)
