"""Compile functions with numba and cache the code on disk, safely for concurrent processes.

Jobs that start together on a new machine compile the same functions. numba numbers the cache files
of a function's signatures, and two processes may give one number to two signatures. Later processes
would then run the code of one signature on the arrays of the other, and silently return wrong
results. Here the name of a cache file depends on the signature alone.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile


def compiled(function: Callable, **options: Any) -> Callable:
    """Return `function`, compiled at its first call, without Python's lock. `options` are njit's.

    The code is cached beside the function's file, or in numba's folder of the user. If neither is
    writable, every process compiles again.
    """
    dispatcher = njit(nogil=True, **options)(function)
    try:
        dispatcher._cache = _Cache(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
    return dispatcher


class _Cache(FunctionCache):
    def __init__(self, function: Callable):
        super().__init__(function)
        self._cache_file = _CacheFile(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )


class _CacheFile(IndexDataCacheFile):
    def save(self, key: tuple, data: Any) -> None:
        """Write the code first, then the index that refers to it, which others may read at once.

        If another process writes the index in between, entries are lost and compiled again.
        """
        digest = hashlib.sha256(repr(key).encode()).digest()
        name = self._data_name(int.from_bytes(digest[:8]))
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})
