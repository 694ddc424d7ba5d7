"""Decode image files of several formats, also from archives, to pixels on the scale 0–255.

The content of a file tells its format, not the name. If a file holds several images, the first one
is read. Images keep their stored orientation: the EXIF orientation of cameras is never applied, so
that all readers get the same pixels.
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

# Format, as in the names of Pillow's modules → endings of its files.
FORMATS = {
    "Jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif"),
    "Png": (".png",),
    "WebP": (".webp",),
    "Bmp": (".bmp",),
    "Tiff": (".tif", ".tiff"),
}
ENDINGS = frozenset(ending for endings in FORMATS.values() for ending in endings)
KINDS = "JPEG, PNG, WebP, BMP or TIFF"

# A file of a few kilobytes can claim a size that fills the memory. Cameras have 200 megapixels.
LARGEST_PIXELS = 300_000_000
# Larger images are decoded one at a time, and JPEG files at the lowest sufficient resolution.
LARGE_PIXELS = 80_000_000
ONE_LARGE = threading.Lock()
# A scan of 90 bytes can update all pixels of a JPEG file; cameras and programs write ten scans.
MOST_SCANS = 100

# Files with more than 8 bits per sample do not say how many bits are used: a camera stores 12 bits
# as 16. White is the maximum of the smallest of these depths that holds the largest value.
WHITES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
# Pillow returns the upper 8 bits of 16-bit colours; with swapped byte order, the lower 8 bits.
LOWER = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, other in (("L", "B"), ("B", "L"), ("N", "B" if sys.byteorder == "little" else "L"))
}

ORIENTATION = 0x0112  # tag in EXIF and TIFF


def attempt(size: int, path: Path, content: BinaryIO | None = None) -> Decoded | NaswotError:
    """Return what `read` returns, or the error that it raises."""
    try:
        return read(path, size, content)
    except NaswotError as error:
        return error


# Start of a segment. In a scan, 0xFF is followed by 0 or a restart number; marker 1 has no segment.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.S)


def _scans(jpeg: bytes) -> int:
    """Return the number of scans of a JPEG image, without data that telephones append to it."""
    count, offset = 0, 2
    while found := _MARKER.search(jpeg, offset):
        marker, offset = found[1], found.end()
        if marker == b"\xd9":
            break
        count += marker == b"\xda"
        offset += int.from_bytes(jpeg[offset : offset + 2], "big")  # length includes these bytes
    return count


class _TooLargeError(Exception):
    """An image has more than `LARGEST_PIXELS` pixels."""


def read(path: Path, size: int, content: BinaryIO | None = None) -> Decoded:
    """Return the centre of an image.

    Args:
        path: the file of the image, or its name in an archive.
        size: the side in pixels to which the largest centred square is resized.
        content: the stream to read; None: read the file.

    Raises:
        NaswotError: it is not an image of `FORMATS`, is damaged, or is too large.
    """
    try:
        return _decoded(content.read() if content else path.read_bytes(), size)
    except _TooLargeError as error:
        raise NaswotError(
            f"{path} is too large: {error} pixels; at most {LARGEST_PIXELS:,} are read. Put a "
            "smaller copy in its place or remove it."
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds of exceptions
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
            image.draft(None, (size, size))  # decodes a JPEG file at 1/2, 1/4 or 1/8
        with ONE_LARGE if large else nullcontext():
            values = _deep(image, stored)
            if values is not None:
                return _scaled(values, size)
            return Decoded(_fitted(image if image.mode == "RGB" else image.convert("RGB"), size))


def _opened(stored: bytes) -> "ImageFile":
    """Return the image in the bytes of a file, not yet decoded.

    This does not use Image.open, which warns about large images and refuses larger ones.
    """
    from PIL import Image

    for name in FORMATS:
        importlib.import_module(f"PIL.{name}ImagePlugin")  # noqa: TID251, of a fixed list
        factory, accept = Image.OPEN[name.upper()]
        accepted = accept and accept(stored[:16])
        if isinstance(accepted, str):
            raise ValueError(accepted)  # this build of Pillow lacks the format
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
    """Return the values of an image of more than 8 bits, (H, W) or (H, W, 3), else None."""
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
    """Return `image`, changed so that Pillow decodes its bytes in the raw mode `mode`."""
    image.tile = [
        tile._replace(args=mode if isinstance(tile.args, str) else (mode, *(tile.args or ())[1:]))
        for tile in image.tile
    ]
    return image


def _scaled(values: np.ndarray, size: int) -> Decoded:
    """Return the centre of an image of more than 8 bits, scaled by its white (see `WHITES`)."""
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
        _fitted(Image.fromarray(np.ascontiguousarray(channels[..., channel], np.float32)), size)
        for channel in range(channels.shape[-1])
    ]
    pixels = np.clip(np.stack(planes, axis=-1) * np.float32(255 / white), 0, 255)
    return Decoded(np.broadcast_to(pixels, (size, size, 3)), white)
