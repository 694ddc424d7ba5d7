"""ImageNette, version 2: ten classes of ImageNet, as the paper shows them to NDS's networks.

A mirror holds the folder ``imagenette2`` with ``train`` and ``val`` in it, or one of the smaller
editions, whose short side is 320 or 160 pixels, or the official archive of one of them. Source:
fastai/imagenette (Apache-2.0; the images are under ImageNet's terms).
"""

import io
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from naswot.errors import NaswotError
from naswot.images import folder
from naswot.images.drawing import MiniBatch, choose

EDITIONS = ("imagenette2", "imagenette2-320", "imagenette2-160")
FILES = (*EDITIONS, *(f"{edition}.tgz" for edition in EDITIONS))
ORIGIN = "ImageNette 2 training images (ImageNet terms, non-commercial research)"

# The largest photograph of ImageNet has about 15 MB.
LARGEST_BYTES = 64_000_000


def draw(count: int, size: int, generator: np.random.Generator, mirror: Path) -> MiniBatch:
    """Return `count` different training images, (count, 3, size, size), with their labels.

    An archive gives the same images as the folder that it unpacks to.

    Raises:
        NaswotError: there are too few images, or what was found cannot be read.
    """
    found = next(mirror / file for file in FILES if (mirror / file).exists())
    return (_draw_packed if found.suffix == ".tgz" else folder.draw)(count, size, generator, found)


def _draw_packed(count: int, size: int, generator: np.random.Generator, path: Path) -> MiniBatch:
    names = sorted(_training_images(path), key=str)  # as in folder.image_files
    chosen = [names[index] for index in choose(len(names), count, generator, path)]
    places = {name: place for place, name in enumerate(chosen)}
    pixels = np.empty((count, size, size, 3), np.float32)
    for name, content in _training_images(path, frozenset(places)).items():
        pixels[places[name]] = folder.decode(path / name, size, io.BytesIO(content))
    return folder.label(pixels, chosen, names, generator)


def _training_images(
    path: Path, wanted: frozenset[PurePosixPath] = frozenset()
) -> dict[PurePosixPath, bytes]:
    """Return the names of the training images in an archive, with the content of `wanted`."""
    found = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                training = "train" in name.parts[:-1]
                if not (member.isreg() and training and name.suffix.lower() in folder.ENDINGS):
                    continue
                if member.size > LARGEST_BYTES:
                    raise NaswotError(f"{path}: {name} claims {member.size:,} bytes.")
                found[name] = archive.extractfile(member).read() if name in wanted else b""
    except (EOFError, OSError, tarfile.TarError, zlib.error) as error:
        raise NaswotError(
            f"{path} is not a whole archive of ImageNette ({error}). Put an intact copy in its "
            "place."
        ) from error
    return {name: found[name] for name in wanted} if wanted else found
