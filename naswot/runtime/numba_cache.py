"""Compile functions with numba and cache them on disk, safely for parallel processes.

Jobs that start together on a new machine compile the same functions. Numba numbers the files of a
function's signatures, and two processes may give the same number to two signatures. Later processes
would then run the code of one signature on arrays of the other and silently return wrong results.
Here the name of a file is a digest of its signature.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from numba import njit, types
from numba.core.caching import FunctionCache, IndexDataCacheFile


def compiled(function: Callable, **options: Any) -> Callable:
    """Return `function`, compiled at its first call to run without the GIL; `options` as for njit.

    The compiled code is cached beside the function's file, or in numba's folder of the user. If
    neither is writable, every process compiles again.
    """
    dispatcher = njit(nogil=True, **options)(function)
    try:
        dispatcher._cache = _Cache(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
    return dispatcher


def is_cached(function: Any, kind: str) -> bool:
    """Return whether code of a compiled function is on disk, for this processor.

    Args:
        function: what `compiled` returned.
        kind: the type of the entries of its first array, as numba names it.
    """
    file = getattr(function._cache, "_cache_file", None)
    here = function.targetctx.codegen().magic_tuple()
    for signature, magic, _ in file._load_index() if file is not None else ():
        arrays = [argument for argument in signature if isinstance(argument, types.Array)]
        if magic == here and arrays and str(arrays[0].dtype) == kind:
            return True
    return False


class _Cache(FunctionCache):
    def __init__(self, function: Callable):
        super().__init__(function)
        self._cache_file = _CacheFile(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )


class _CacheFile(IndexDataCacheFile):
    def save(self, key: tuple, data: Any) -> None:
        """Write the code before the index that refers to it, which others may read at once.

        If another process overwrites the index meanwhile, the lost entries are compiled again.
        """
        digest = hashlib.sha256(repr(key).encode()).digest()
        name = self._data_name(int.from_bytes(digest[:8]))
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})
