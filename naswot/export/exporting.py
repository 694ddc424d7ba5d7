"""Write one network into one folder, and check what was written."""

import dataclasses
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.random import fork_rng

from naswot.errors import NaswotError
from naswot.export.about import About, Exported, Written
from naswot.export.checking import TOLERANCE, compare, outputs_of
from naswot.export.formats import FORMATS, Making
from naswot.export.origin import MODULE
from naswot.export.quiet import quiet
from naswot.export.readme import readme
from naswot.export.record import check_folder, write_record
from naswot.io.atomic import replacing
from naswot.io.user_code import imported_file
from naswot.plots.svg import svg
from naswot.runtime.provenance import package_version, versions
from naswot.scores.copying import copy_network
from naswot.scores.failures import how_it_fails, one_line
from naswot.scores.size import flops, params

PICTURE = "network.svg"
README = "README.md"


def export_network(
    network: nn.Module,
    folder: str | Path,
    *,
    shape: tuple[int, ...],
    about: About,
    formats: Sequence[str] = tuple(FORMATS),
    overwrite: bool = False,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Write `network` into `folder`: code, weights, other formats, a picture and a README.

    A format that fails, or whose file computes something else than the network, is not written; the
    result and the README say why. Files of an earlier export that are not written again are
    removed. Each file is complete or absent.

    Args:
        network: the network; it is copied, and exported in eval mode and float32.
        folder: an empty folder, one that is made, or one with an earlier export of this network.
        shape: (C, H, W) of an image.
        about: what the network is.
        formats: names in `FORMATS`.
        overwrite: whether the folder may hold something else.
        tolerance: the largest difference of outputs, relative to the largest output.

    Raises:
        NaswotError: a format is unknown, the folder holds something else, a file cannot be written,
            or the network fails on the images.
    """
    folder = Path(folder)
    if unknown := [name for name in formats if name not in FORMATS]:
        raise NaswotError(f"There is no format {unknown[0]!r}; there are: {', '.join(FORMATS)}.")
    settings = _settings(about, shape)
    if not overwrite:
        check_folder(folder, settings)
    making = Making(_prepared(network, shape), tuple(shape))
    write_record(folder, settings)  # so that the same command goes on after an interruption
    for name in (PICTURE, README, *(each.file for each in FORMATS.values())):
        _remove(folder / name)
    files = [
        _write_code(folder, about, making),
        *(_write_format(folder, name, making, tolerance) for name in FORMATS if name in formats),
        *_write_picture(folder, about),
    ]
    operations = _flops(making)
    numbers = {"parameters": params(making.network), "flops": operations}
    used = {**versions(), **{name: package_version(name) for name in ("onnx", "onnxruntime")}}
    text = readme(about, making.shape, files, numbers, used, making.sample)
    _write(folder / README, text.encode())
    files.append(Written(README, "what is in this folder", len(text.encode())))
    described = [dataclasses.asdict(one) for one in files]
    factor = {"compared_on_images_times": making.sample.factor}
    write_record(folder, settings, files=described, **numbers, **factor, versions=used)
    return Exported(folder, tuple(files), params(making.network), operations)


def _settings(about: About, shape: Sequence[int]) -> dict[str, Any]:
    """Return what tells this export from others."""
    origin = about.origin
    return {
        "space": about.title,
        "arch": about.arch,
        "classes": about.classes,
        "image": list(shape),
        "seed": about.seed,
        "build": f"{origin.imports}\n{origin.call}",
        "literals": dict(origin.literals),
    }


def _prepared(network: nn.Module, shape: Sequence[int]) -> nn.Module:
    """Return a copy for export, after a look whether it takes the images."""
    network = copy_network(network).cpu().float().eval()
    images = torch.zeros(1, *shape)
    try:
        outputs_of(network, images)
    except Exception as error:  # a network may raise anything
        how = how_it_fails(error, images, "export it for images of another")
        raise NaswotError(f"{type(network).__name__} {how}") from error
    return network


def _write_code(folder: Path, about: About, making: Making) -> Written:
    """Write the file that builds the network, and the user's files that it imports; try it."""
    started = time.perf_counter()
    for place, file in about.origin.files.items():
        _write(folder / place, file.read_bytes())
    code = about.origin.code(about.title, about.classes, making.shape).encode()
    _write(folder / MODULE, code)
    note = ""
    difference = None
    try:
        alone = imported_file(folder / MODULE, about.origin.names, about.origin.folders)
        with quiet(), fork_rng(devices=[]), alone as module:
            built = module.build().eval()
            built.load_state_dict(making.network.state_dict())
            difference = compare(making.sample, lambda images: outputs_of(built, images))
    except Exception as error:  # it runs code of the user
        note = f"it does not build this network again: {_reason(error)}"
    seconds = time.perf_counter() - started
    return Written(MODULE, "code that builds it", len(code), seconds, difference, note)


def _write_format(folder: Path, name: str, making: Making, tolerance: float) -> Written:
    started = time.perf_counter()
    form = FORMATS[name]
    try:
        with quiet():
            content = form.make(making)
            run = form.load(content, making)
            difference = compare(making.sample, run, tolerance)
    except Exception as error:  # exporters raise many kinds; the other formats go on
        seconds = time.perf_counter() - started
        return Written(form.file, form.title, seconds=seconds, note=_reason(error))
    _write(folder / form.file, content)
    seconds = time.perf_counter() - started
    return Written(form.file, form.title, len(content), seconds, difference)


def _write_picture(folder: Path, about: About) -> Iterator[Written]:
    title = "picture of the architecture"
    if about.diagram is None:
        return
    started = time.perf_counter()
    try:
        text = svg(about.diagram(), shared=True) + "\n"
    except NaswotError as error:  # of the user's function
        yield Written(PICTURE, title, note=str(error))
        return
    _write(folder / PICTURE, text.encode())
    yield Written(PICTURE, title, len(text.encode()), time.perf_counter() - started)


def _flops(making: Making) -> float | None:
    try:
        with quiet():
            return flops(copy_network(making.network), torch.zeros(1, *making.shape))
    except Exception:  # it is one number of many; the README says that it is missing
        return None


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise NaswotError(f"{path} cannot be replaced: {error.strerror or error}.") from error


def _reason(error: BaseException) -> str:
    """Return the first cause of an error as one line, without colours of the terminal."""
    while error.__cause__ is not None and not isinstance(error, NaswotError):
        error = error.__cause__
    text = str(error) if isinstance(error, NaswotError) else one_line(error)
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
