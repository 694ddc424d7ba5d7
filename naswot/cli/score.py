"""The command `naswot score`: score networks of the user's own and rank them."""

import argparse
import contextlib
import math
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot import __version__
from naswot.cli.networks import entries_of, model_of
from naswot.cli.render import FORMATS, as_csv, as_json, as_table
from naswot.cli.terminal import (
    INTERRUPTED,
    aside,
    progress_on,
    tell,
    terminated_as_interrupted,
)
from naswot.errors import NaswotError

if TYPE_CHECKING:
    from naswot.cli.ranking_file import RankingFile
    from naswot.scores.ranking import Row

IMAGE_SIZE = 32  # pixels, for images without a size of their own
LARGEST_SEED = 2**32 - 1

EXAMPLES = """\
examples:
  naswot score torchvision.models:resnet18 torchvision.models:mobilenet_v2
  naswot score mynets:small mynets:large --images photos/ --image-size 64 --scores naswot,grad_norm
  naswot score --list models.yaml --scores all --output ranking.csv --resume

mynets:small is the function `small` in mynets.py, in this directory or installed, that returns a
torch.nn.Module; a class or an existing module also works. models.yaml is a list:

  - name: deep
    factory: mynets:resnet
    arguments: {depth: 50}
  - mynets:small

A network that fails gets a row with an empty score and a note; the others are still ranked, and the
exit code is 1. An interrupted run prints the ranking so far and exits with 130.
"""


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    score = commands.add_parser(
        "score",
        help="score networks of your own and rank them",
        description="Score untrained networks on one mini-batch and rank them, best first.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    score.set_defaults(run=_score, parser=score)
    networks = score.add_argument_group("networks")
    networks.add_argument(
        "factories",
        nargs="*",
        metavar="PACKAGE.MODULE:FACTORY",
        help="function that builds a network; the current directory is searched first",
    )
    networks.add_argument("--list", metavar="FILE", type=Path, help="a YAML list of networks")
    networks.add_argument(
        "--factory-args",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="arguments for the factories above, not for those in the list (values as in YAML)",
    )
    networks.add_argument(
        "--classes",
        type=_from(1),
        metavar="N",
        help="number of labels, and of outputs of networks whose factory takes num_classes "
        "(default: the number of classes of the images, or 10)",
    )
    images = score.add_argument_group("images")
    source = images.add_mutually_exclusive_group()
    source.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="a folder of pictures, at any depth: JPEG, PNG, WebP, BMP or TIFF",
    )
    source.add_argument(
        "--dataset",
        default="photos",
        metavar="NAME",
        help="a data set: photos (the default, needs no files), noise, digits, cifar10, "
        "cifar100, imagenet16, imagenette",
    )
    images.add_argument("--mirror", type=Path, metavar="DIR", help="folder of the data set's files")
    images.add_argument(
        "--image-size",
        type=_from(1),
        metavar="N",
        help=f"side in pixels (default: the data set's, or {IMAGE_SIZE})",
    )
    images.add_argument(
        "--batch-size", type=_from(2), default=128, metavar="N", help="number (default: 128)"
    )
    images.add_argument(
        "--channels",
        type=int,
        choices=(1, 3),
        help="1: grey, 3: colour (default: as the networks' first layers need, or 3)",
    )
    images.add_argument(
        "--strict",
        action="store_true",
        help="stop at a picture that cannot be read, instead of drawing another",
    )
    scoring = score.add_argument_group("scoring")
    scoring.add_argument(
        "--scores",
        default="naswot",
        metavar="NAMES",
        help="scores, separated by commas, or all; the first one defines the ranking (default: "
        "naswot; `naswot scores` lists them)",
    )
    scoring.add_argument(
        "--seed",
        type=_from(0, LARGEST_SEED),
        default=0,
        metavar="N",
        help="seed of weights and images (default: 0)",
    )
    scoring.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="float32",
        help="precision of the naswot score's forward pass; auto: bfloat16 where the processor has "
        "instructions for it (default: float32)",
    )
    scoring.add_argument(
        "--fail-fast",
        action="store_true",
        help="stop at the first network that fails (default: write a note and continue)",
    )
    scoring.add_argument(
        "--device",
        type=_device,
        default="auto",
        metavar="DEVICE",
        help="auto, cpu, cuda, or one of several GPUs, cuda:1 (default: auto)",
    )
    output = score.add_argument_group("output")
    output.add_argument(
        "--format", choices=FORMATS, help="(default: from the output file's name, else table)"
    )
    output.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write to a file instead of the screen; it holds the ranking so far during scoring",
    )
    output.add_argument(
        "--resume",
        action="store_true",
        help="continue the output file, CSV or JSON: score only missing and failed networks. "
        "FILE.settings.json holds the settings of scoring, which must be the same",
    )
    output.add_argument(
        "--traceback", action="store_true", help="show the full traceback of an error"
    )


def _from(lowest: int, highest: float = math.inf) -> Callable[[str], int]:
    """Return a reader of integers from `lowest` to `highest`."""

    def read(text: str) -> int:
        number = int(text)
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{text} is less than {lowest}")
        if number > highest:
            raise argparse.ArgumentTypeError(f"{text} is more than {highest}")
        return number

    read.__name__ = "integer"  # argparse says "invalid integer value"
    return read


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, cuda, cuda:0, cuda:1, …")
    return text


def _score(options: argparse.Namespace) -> int:
    if not options.factories and options.list is None:
        options.parser.error("name a network, PACKAGE.MODULE:FACTORY, or a --list of them")
    if options.resume and options.output is None:
        options.parser.error("--resume continues a file: name it with --output")
    if options.output is not None and options.output.is_dir():
        raise NaswotError(f"{options.output} is a folder; --output must name a file.")
    kind = options.format or _format_of(options.output)
    if options.resume and kind == "table":
        raise NaswotError("--resume reads CSV and JSON, not a table: set --format csv or json.")
    from naswot.cli.ranking_file import NETWORKS, RankingFile, digest
    from naswot.io.digests import sha256_of
    from naswot.runtime.device import choose_device, choose_precision, device_name
    from naswot.scores.custom import is_custom, source_files
    from naswot.scores.ranking import check_any, ranking, score_each, score_names

    names = score_names([name.strip() for name in options.scores.split(",") if name.strip()])
    entries = entries_of(options)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    try:
        # Output of a network's code is not part of the result.
        with terminated_as_interrupted(), contextlib.redirect_stdout(sys.stderr):
            models = {name: model_of(*entry, options.fail_fast) for name, entry in entries.items()}
            images, labels, classes, described = _mini_batch(options, models)
    except KeyboardInterrupt:
        tell(f"interrupted after 0 of {len(entries)} networks.")
        return INTERRUPTED
    classes = options.classes or classes
    where = f"{device_name(device)}, {precision}; {_about_scores(names, labels is None)}"
    positions = {name: position for position, name in enumerate(entries)}

    def render(rows: "Sequence[Row]") -> str:
        ordered = sorted(rows, key=lambda row: positions.get(row.network, len(positions)))
        frame = ranking(ordered, names)
        if kind == "table":
            return f"{as_table(frame)}\n{described}; {where}.\n"
        return {"json": as_json, "csv": as_csv}[kind](frame)

    own = dict.fromkeys(name.partition("@")[0] for name in names if is_custom(name))
    code = {name: [sha256_of(file) for file in source_files(name)] for name in own}
    settings = {
        "naswot": __version__,
        "scores": names,
        "seed": options.seed,
        "batch_size": options.batch_size,
        "classes": classes,
        "precision": precision,
        **({"code": code} if code else {}),
        "images": described,
        "images_sha256": digest(images, labels),
        NETWORKS: {
            name: {"factory": factory, "arguments": arguments}
            for name, (factory, arguments) in entries.items()
        },
    }
    file = None
    kept: list[Row] = []
    if options.output is not None:
        file = RankingFile(options.output, render, None if kind == "table" else settings)
        if options.resume:
            kept = file.resume(kind, names)
    done = {row.network for row in kept if row.failure is None}
    left = {name: model for name, model in models.items() if name not in done}
    rows = [row for row in kept if row.network not in left]
    total, interrupted = len(rows) + len(left), False
    try:
        with terminated_as_interrupted():
            progress = progress_on(len(left), described) if left else None
            for row in aside(
                score_each(
                    left,
                    images.to(device),
                    names,
                    labels=labels,
                    classes=classes,
                    precision=precision,
                    seed=options.seed,
                    fail_fast=options.fail_fast,
                )
            ):
                rows.append(row)
                if options.traceback:
                    for error in filter(None, (row.failure, *row.crashes)):
                        traceback.print_exception(error, file=sys.stderr)
                if progress:
                    progress.advance()
                if any(row.values for row in rows):
                    _deliver(render, rows, file, last=False)
    except KeyboardInterrupt:
        interrupted = True
    if not interrupted:
        options.traceback = False  # tracebacks of networks have been printed
        check_any(rows)
    if rows and (file is None or any(row.values for row in rows)):
        _deliver(render, rows, file)
    if interrupted:
        again = "; --resume continues from there" if file is not None and kind != "table" else ""
        tell(f"interrupted after {len(rows)} of {total} networks{again}.")
        return INTERRUPTED
    failed = sum(row.failure is not None for row in rows)
    if failed:
        tell(f"{failed} of {total} networks failed; their notes say why.")
    return int(failed > 0)


def _mini_batch(options: argparse.Namespace, models: dict[str, Any]) -> tuple[Any, Any, int, str]:
    """Return images, labels (None if unknown), number of classes, and a text on the images."""
    import torch

    from naswot.images import get_source, mini_batch
    from naswot.scores.channels import channels_for
    from naswot.scores.ranking import DEFAULT_CLASSES

    name, directory, count = options.dataset, options.mirror, options.batch_size
    if options.images is not None:
        name, directory = "folder", options.images
    elif name == "folder":
        raise NaswotError("Name the folder of images: --images DIR.")
    source = get_source(name)
    if source.files and directory is None:
        raise NaswotError(f"The images {name} need files: name their folder with --mirror DIR.")
    size = options.image_size or source.size or IMAGE_SIZE
    channels = options.channels or channels_for(models, options.classes or DEFAULT_CLASSES, size)
    drawn = mini_batch(name, count, size, options.seed, directory, channels, options.strict)
    grey = "grey " if channels == 1 else ""
    text = f"{count} {grey}images of {size}×{size} pixels from {options.images or name}"
    if drawn.skipped:
        text += f" ({len(drawn.skipped)} unreadable left out)"
    labels = drawn.labels if drawn.true_labels else None
    return torch.from_numpy(drawn.images), labels, drawn.classes, f"{text}, seed {options.seed}"


def _format_of(output: Path | None) -> str:
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    return ending if ending in FORMATS else "table"


def _about_scores(names: Sequence[str], random_labels: bool) -> str:
    """Say whether higher or lower scores are better, and whether the labels are random."""
    from naswot.scores.custom import needs_of
    from naswot.scores.ranking import lower_is_better

    lower = [name for name in names if lower_is_better(name)]
    text = "higher is better"
    if lower:
        text += f", but lower for {', '.join(lower)}"
    if random_labels and any("labels" in needs_of(name) for name in names):
        text = f"random labels; {text}"
    return text


def _deliver(
    render: "Callable[[Sequence[Row]], str]",
    rows: "Sequence[Row]",
    file: "RankingFile | None",
    last: bool = True,
) -> None:
    """Print the text of `rows` by `render`, or write it to a file, whole or not at all."""
    if file is None:
        if last:
            sys.stdout.write(render(rows))
        return
    try:
        file.write(rows, last)
    except NaswotError:
        sys.stdout.write(render(rows))  # so that the result is not lost
        raise
