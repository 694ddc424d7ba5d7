"""Write and read the mini-batch: an .npz file with `images` (B, 3, H, W) and `labels` (B,)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naswot.errors import NaswotError
from naswot.images.drawing import MiniBatch
from naswot.io.npz import read_arrays, write_arrays


def write_batch(
    batch: MiniBatch, output: str | Path, metadata: Mapping[str, Any], origin: str
) -> None:
    """Write a mini-batch with its own properties, `metadata` and the `origin` of its images."""
    found: dict[str, Any] = {"classes": batch.classes, "true_labels": batch.true_labels}
    found |= {"origin": origin, "skipped": len(batch.skipped), "whites": batch.whites}
    write_arrays(output, dict(metadata) | found, images=batch.images, labels=batch.labels)


def read_mini_batch(path: str | Path) -> MiniBatch:
    """Read a file of `write_batch`.

    Raises:
        NaswotError: the file is missing or damaged, or an older version wrote it without labels.
    """
    arrays = read_arrays(path)
    try:
        images, labels = arrays["images"], arrays["labels"]
        metadata = json.loads(str(arrays["metadata"]))
        return MiniBatch(images, labels, metadata["classes"], metadata["true_labels"])
    except (RecursionError, TypeError, ValueError) as error:
        raise NaswotError(
            f"{path} has metadata that cannot be read ({error}). Delete it and run again."
        ) from error
    except KeyError as error:
        raise NaswotError(
            f"{path} has no {error}: another version wrote it. Delete it and run again."
        ) from error
