"""Get the compiled loops ready before anything is timed."""

from functools import cache

import torch

from naswot.runtime.numba_cache import is_cached
from naswot.runtime.progress import log
from naswot.scores.fused import loops
from naswot.scores.fused.operations import CHANNELS_LAST, Operations

COMPILING = (
    "Compiling the fused pass for %s: about 5 s, once if numba's cache can be written. Scores are "
    "not timed yet."
)


@cache
def prepare(dtype: torch.dtype) -> None:
    """Load the loops for activations of `dtype`, or compile them; the latter is logged."""
    if not is_cached(loops._max_pool, "uint16" if dtype == torch.bfloat16 else "float32"):
        log.info(COMPILING, str(dtype).removeprefix("torch."))
    # Whatever mode and default device the caller has set.
    with torch.inference_mode(False), torch.no_grad(), torch.device("cpu"):
        do = Operations(dtype)
        images = torch.ones(2, 3, 8, 8, dtype=dtype).contiguous(memory_format=CHANNELS_LAST)
        x = do.batch_norm(do.conv(images, do.weight(8, 3)))
        more = do.batch_norm(do.conv(do.relu(x), do.weight(8, 8)))
        total = do.add(x, more)
        do.max_pool(total, 2, 2)
        do.computed(total)
