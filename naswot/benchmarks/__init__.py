"""Benchmarks: accuracies of trained architectures, read from each official format into one table.

`naswot.benchmarks.table` describes this table. For users, `open_table` opens one to ask for
accuracies, and `from_api` makes one of an opened object of nats_bench or nas_201_api.
"""

from typing import Any

__all__ = ["from_api", "open_table"]


def __getattr__(name: str) -> Any:
    # Modules of this package import others of it; what users call should not be among those.
    if name == "from_api":
        from naswot.benchmarks.packages import from_api

        return from_api
    if name == "open_table":
        from naswot.benchmarks.query import open_table

        return open_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
