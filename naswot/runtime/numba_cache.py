"""Functions compiled by numba and kept on disk, for many processes at once.

Jobs that start together on a new machine compile the same functions. Numba numbers the files of a
function's signatures, and two processes may give one number to two signatures: each later process
would then run one's code on the other's arrays, and compute something without a word. Here a
signature's file has a name of its own.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile


def compiled(function: Callable, **options: Any) -> Callable:
    """Return `function`, compiled when it is called, without Python's lock; `options` are njit's.

    What is compiled is kept beside the function's file, or in numba's folder of the user; where
    neither can be written to, every process compiles anew.
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
        """Write the code before the index that leads to it, which others may read at once.

        What the index loses if another process writes it meanwhile is compiled again.
        """
        digest = hashlib.sha256(repr(key).encode()).digest()
        name = self._data_name(int.from_bytes(digest[:8]))
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})
