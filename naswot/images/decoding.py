"""Pictures in files, and in the members of archives: whatever their format, as pixels of one scale.

A file's content tells its format, not its name; of several pictures in it the first one counts. Its
orientation is the one that it is stored in: a camera's note in the EXIF data is never applied, so
that every reader sees the same pixels.
"""

import importlib
import io
import re
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import Decoded

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Format, as in the names of Pillow's modules → how files of it are called.
FORMATS = {
    "Jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif"),
    "Png": (".png",),
    "WebP": (".webp",),
    "Bmp": (".bmp",),
    "Tiff": (".tif", ".tiff"),
}
ENDINGS = frozenset(ending for endings in FORMATS.values() for ending in endings)
KINDS = "JPEG, PNG, WebP, BMP or TIFF"

# A few kilobytes can claim to be a picture that fills the memory. Cameras take 200 megapixels.
LARGEST_PIXELS = 300_000_000
# Beyond this, pictures are decoded one at a time, and JPEG files only as finely as is needed.
LARGE_PIXELS = 80_000_000
ONE_LARGE = threading.Lock()
# Each goes over all pixels of a JPEG file, in as few as 90 bytes; cameras and programs write ten.
MOST_SCANS = 100

# Files of more than 8 bits a sample do not say how many of them count: a camera's 12 are stored
# in 16. White is the full range of the smallest of these depths that holds the largest value.
WHITES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
# Of colours in 16 bits Pillow gives the upper 8; read in the other order of bytes, the lower 8.
LOWER = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, other in (("L", "B"), ("B", "L"), ("N", "B" if sys.byteorder == "little" else "L"))
}

ORIENTATION = 0x0112  # in EXIF and TIFF


def attempt(size: int, path: Path, content: BinaryIO | None = None) -> Decoded | NaswotError:
    """Return what `read` returns, or the error that it raises."""
    try:
        return read(path, size, content)
    except NaswotError as error:
        return error


# What begins a segment: in a scan 0xFF is followed by 0 or a restart's number; 1 has no segment.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.S)


def _scans(jpeg: bytes) -> int:
    """Return how many scans a JPEG image has; what a telephone puts behind it does not count."""
    count, place = 0, 2
    while found := _MARKER.search(jpeg, place):
        marker, place = found[1], found.end()
        if marker == b"\xd9":
            break
        count += marker == b"\xda"
        place += int.from_bytes(jpeg[place : place + 2], "big")  # past the segment, itself included
    return count


class _TooLargeError(Exception):
    """A picture has more pixels than are read."""


def read(path: Path, size: int, content: BinaryIO | None = None) -> Decoded:
    """Return the centre of an image.

    Args:
        path: the image's file, or its name in an archive.
        size: the side in pixels to which the largest centred square is resized.
        content: where to read it; None: from the file.

    Raises:
        NaswotError: it is no image of `FORMATS`, damaged, or too large.
    """
    try:
        return _decoded(content.read() if content else path.read_bytes(), size)
    except _TooLargeError as error:
        raise NaswotError(
            f"{path} is too large: {error} pixels, and {LARGEST_PIXELS:,} are the most that are "
            "read. Put a smaller copy in its place or remove it."
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds
        raise NaswotError(
            f"{path} is not a readable {KINDS} image ({str(error) or type(error).__name__}). Put "
            "an intact copy in its place or remove it."
        ) from error


def _decoded(stored: bytes, size: int) -> Decoded:
    if stored.startswith(b"\xff\xd8") and _scans(stored) > MOST_SCANS:
        raise ValueError(f"it has more than {MOST_SCANS} scans")
    with _opened(stored) as image:
        pixels = image.width * image.height
        if pixels > LARGEST_PIXELS:
            raise _TooLargeError(f"{image.width:,} × {image.height:,}")
        large = pixels > LARGE_PIXELS
        if large:
            image.draft(None, (size, size))  # a JPEG file's halves, quarters or eighths
        with ONE_LARGE if large else nullcontext():
            values = _deep(image, stored)
            if values is not None:
                return _scaled(values, size)
            return Decoded(_fitted(image if image.mode == "RGB" else image.convert("RGB"), size))


def _opened(stored: bytes) -> "ImageFile":
    """Return the image that a file's bytes are, whatever its name, not yet decoded.

    It is done without Image.open, which warns of large images and refuses larger ones.
    """
    from PIL import Image

    for name in FORMATS:
        importlib.import_module(f"PIL.{name}ImagePlugin")  # noqa: TID251, of a fixed list
        factory, accept = Image.OPEN[name.upper()]
        accepted = accept and accept(stored[:16])
        if isinstance(accepted, str):
            raise ValueError(accepted)  # this Pillow lacks the format
        if accepted:
            image = factory(io.BytesIO(stored), "")
            if image.format == "TIFF":
                image.getexif().pop(ORIENTATION, None)  # else Pillow applies it
            return image
    raise ValueError("its content is of none of these formats")


def _fitted(image, size: int) -> np.ndarray:
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR), np.float32)


def _deep(image: "ImageFile", stored: bytes) -> np.ndarray | None:
    """Return the values of an image of more than 8 bits, (H, W) or (H, W, 3); None of another."""
    if image.mode[0] in "IF":
        return np.asarray(image)
    args = image.tile[0].args or "" if image.tile else ""
    mode = args if isinstance(args, str) else str(args[0])
    if mode == "LA;16B":
        grey = np.asarray(_read_as(image, "RGBA"), np.uint16)  # upper and lower 8 bits, then alpha
        return grey[..., 0] << 8 | grey[..., 1]
    if mode in LOWER:
        lower = np.asarray(_read_as(_opened(stored), LOWER[mode]))[..., :3]
        return np.asarray(image)[..., :3].astype(np.uint16) << 8 | lower
    return None


def _read_as(image: "ImageFile", mode: str) -> "ImageFile":
    """Return `image`, of which Pillow will take the bytes for those of the raw mode `mode`."""
    image.tile = [
        tile._replace(args=mode if isinstance(tile.args, str) else (mode, *(tile.args or ())[1:]))
        for tile in image.tile
    ]
    return image


def _scaled(values: np.ndarray, size: int) -> Decoded:
    """Return the centre of an image of more than 8 bits, on the scale that its values tell."""
    from PIL import Image

    if not np.isfinite(values).all():
        raise ValueError("it has values that are no finite numbers")
    largest = float(values.max())
    if values.dtype.kind == "f":
        white = max(1.0, largest)
    else:
        white = next((white for white in WHITES if largest <= white), largest)
    channels = values[..., None] if values.ndim == 2 else values
    planes = [
        _fitted(Image.fromarray(np.ascontiguousarray(channels[..., one], np.float32)), size)
        for one in range(channels.shape[-1])
    ]
    pixels = np.clip(np.stack(planes, axis=-1) * np.float32(255 / white), 0, 255)
    return Decoded(np.broadcast_to(pixels, (size, size, 3)), white)
