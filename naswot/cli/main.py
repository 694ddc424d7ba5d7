"""The command `naswot`: score a user's own networks, and draw architectures.

Heavy modules are imported only where they are needed, so that help and wrong options answer at
once.
"""

import argparse
import contextlib
import difflib
import functools
import importlib
import json
import logging
import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot import __version__
from naswot.cli import draw
from naswot.errors import NaswotError, shown
from naswot.io.yaml import parse_yaml, read_yaml
from naswot.runtime.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from naswot.cli.ranking_file import RankingFile
    from naswot.scores.ranking import Row

FORMATS = ("table", "json", "csv")
LIST_KEYS = ("name", "factory", "arguments")
IMAGE_SIZE = 32  # pixels, for images without a size of their own
REMOVE_LINE = "\r\033[K"  # clears the terminal line that counts networks
LARGEST_SEED = 2**32 - 1
INTERRUPTED = 130  # 128 + SIGINT, as in shells

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: those of the command line); return its exit code.

    The code is 0 for success, 1 if a network failed or an error ends the command with one message
    on stderr, 2 for a wrong option, and 130 after an interruption.
    """
    options = _parser().parse_args(arguments)
    try:
        with _log_to_stderr():
            code = options.run(options)
            sys.stdout.flush()
    except NaswotError as error:
        if getattr(options, "traceback", False):
            traceback.print_exception(error, file=sys.stderr)
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the table has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code or 0


def _tell(message: str) -> None:
    if sys.stderr.isatty():
        print(REMOVE_LINE, end="", file=sys.stderr)
    print(f"naswot: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="naswot", description="Rank neural networks in seconds, before training any of them."
    )
    parser.add_argument("--version", action="version", version=f"naswot {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = commands.add_parser("scores", help="list the scores")
    listing.set_defaults(run=_list_scores)
    draw.add_to(commands)

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
    return parser


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


def _list_scores(_: argparse.Namespace) -> None:
    from naswot.scores import FAMILIES, FAMILY_OF

    width = max(map(len, FAMILY_OF))
    for family in FAMILIES.values():
        for name, summary in family.scores.items():
            lower = "; lower is better" if name in family.lower_is_better else ""
            print(f"{name:{width}}  {summary}{lower}".rstrip())


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
    from naswot.runtime.device import choose_device, choose_precision, device_name
    from naswot.scores.ranking import check_any, ranking, score_each, score_names

    names = score_names([name.strip() for name in options.scores.split(",") if name.strip()])
    entries = _entries(options)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    try:
        # Output of a network's code is not part of the result.
        with _terminated_as_interrupted(), contextlib.redirect_stdout(sys.stderr):
            models = {name: _model(*entry, options.fail_fast) for name, entry in entries.items()}
            images, labels, classes, described = _mini_batch(options, models)
    except KeyboardInterrupt:
        _tell(f"interrupted after 0 of {len(entries)} networks.")
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

    settings = {
        "naswot": __version__,
        "scores": names,
        "seed": options.seed,
        "batch_size": options.batch_size,
        "classes": classes,
        "precision": precision,
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
        with _terminated_as_interrupted():
            progress = _progress(len(left), described) if left else None
            for row in _aside(
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
        _tell(f"interrupted after {len(rows)} of {total} networks{again}.")
        return INTERRUPTED
    failed = sum(row.failure is not None for row in rows)
    if failed:
        _tell(f"{failed} of {total} networks failed; their notes say why.")
    return int(failed > 0)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Make SIGTERM end the work as Ctrl-C does, so that finished rows are not lost."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread, which alone handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _aside(rows: "Iterator[Row]") -> "Iterator[Row]":
    """Yield `rows`; send what is printed while they are computed to stderr."""
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            row = next(rows, None)
        if row is None:
            return
        yield row


def _entries(options: argparse.Namespace) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return name → factory and arguments, for all requested networks."""
    shared = _factory_arguments(options.factory_args)
    listed = [(name, name, shared) for name in options.factories]
    if options.list is not None:
        listed += read_list(options.list)
    entries: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, factory, arguments in listed:
        if name in entries:
            raise NaswotError(f"Two networks are called {name}. Give one another name in a --list.")
        _parts(factory)
        entries[name] = factory, arguments
    return entries


def _model(factory: str, arguments: dict[str, Any], fail_fast: bool) -> Any:
    """Return the callable that builds a network; if there is none, a `Missing` with the error."""
    from torch import nn

    from naswot.scores.ranking import Missing

    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = find_factory(factory)
        if arguments and isinstance(found, nn.Module):
            raise NaswotError(
                f"{factory} is an existing network, not a factory; it takes no arguments."
            )
    except NaswotError as error:
        if fail_fast:
            raise
        return Missing(error)
    return functools.partial(found, **arguments) if arguments else found


def _factory_arguments(pairs: Sequence[str]) -> dict[str, Any]:
    arguments = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise NaswotError(
                f"--factory-args: {pair!r} is not KEY=VALUE. (Networks come before --factory-args.)"
            )
        try:
            arguments[key] = parse_yaml(value)
        except ValueError as error:
            raise NaswotError(f"--factory-args: the value in {pair!r} is not YAML.") from error
    return arguments


def read_list(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (name, factory, arguments) of each network in a YAML list.

    An entry is `PACKAGE.MODULE:FACTORY`, or a mapping with `factory` and, optionally, `name` and
    `arguments`.

    Raises:
        NaswotError: the file cannot be read, or an entry has another form.
    """
    entries = read_yaml(path)
    if not isinstance(entries, list) or not entries:
        raise NaswotError(f"{path} is not a list of networks; `naswot score --help` shows one.")
    found = []
    for number, entry in enumerate(entries, start=1):
        about = {"factory": entry} if isinstance(entry, str) else entry
        if not isinstance(about, dict) or not isinstance(about.get("factory"), str):
            raise NaswotError(f"{path}: network {number} lacks `factory: PACKAGE.MODULE:FACTORY`.")
        unknown = [key for key in about if key not in LIST_KEYS]
        if unknown:
            raise NaswotError(
                f"{path}: network {number} has {shown(unknown[0])}; it can have "
                f"{', '.join(LIST_KEYS)}."
            )
        arguments = about.get("arguments") or {}
        if not isinstance(arguments, dict) or not all(isinstance(key, str) for key in arguments):
            raise NaswotError(f"{path}: arguments of network {number} must map names to values.")
        name = about.get("name", about["factory"])
        if not isinstance(name, (str, int, float)):
            raise NaswotError(f"{path}: the name of network {number} is {shown(name)}, not text.")
        found.append((str(name), about["factory"], arguments))
    return found


def find_factory(path: str) -> Any:
    """Return the callable that `path`, PACKAGE.MODULE:FACTORY, names.

    Raises:
        NaswotError: the module cannot be imported, or has no such callable.
    """
    module_name, attribute = _parts(path)
    try:
        found: Any = importlib.import_module(module_name)  # noqa: TID251, the user's own code
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise _not_imported(module_name, error) from error
        raise NaswotError(
            f"There is no module {error.name!r}, neither in {Path.cwd()} nor installed, so "
            f"{path} cannot be scored. Check the name, or install the package."
        ) from error
    except (Exception, SystemExit) as error:  # importing a module can raise anything
        raise _not_imported(module_name, error) from error
    for part in attribute.split("."):
        owner = found
        try:
            found = getattr(owner, part, None)
        except (Exception, SystemExit) as error:  # a module may compute its attributes
            raise _not_imported(module_name, error) from error
        if found is None:
            close = difflib.get_close_matches(part, dir(owner), n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise NaswotError(f"{path}: {module_name} has no {attribute!r}.{meant}")
    if not callable(found):
        raise NaswotError(
            f"{path} is a {type(found).__name__}, which cannot be called. Name a function or class "
            "that builds a network."
        )
    return found


def _parts(path: str) -> tuple[str, str]:
    """Return the module and the factory that `path` names.

    Raises:
        NaswotError: `path` has another form.
    """
    module_name, colon, attribute = path.partition(":")
    if not colon or not attribute or not module_name or "/" in module_name:
        raise NaswotError(
            f"{path!r} does not name a factory. Write PACKAGE.MODULE:FACTORY, e.g. "
            "torchvision.models:resnet18, or mynets:small for `small` in mynets.py here."
        )
    if module_name.endswith(".py"):
        raise NaswotError(
            f"{module_name} is a file; write the module's name: {module_name[:-3]}:{attribute}."
        )
    return module_name, attribute


def _not_imported(module: str, error: BaseException) -> NaswotError:
    text = " ".join(str(error).split())
    return NaswotError(
        f"The module {module} cannot be imported ({type(error).__name__}: {text}). Fix it first; "
        "--traceback shows the place."
    )


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


class _Counter(Progress):
    """Count networks on a terminal, in one line that is overwritten and finally removed."""

    def advance(self, count: int = 1) -> None:
        self.done += count
        more = f"{self.done} of {self.total} {self.unit}" if self.done < self.total else ""
        print(f"{REMOVE_LINE}{more}", end="", file=sys.stderr, flush=True)


def _progress(total: int, described: str) -> Progress:
    if not sys.stderr.isatty():
        return Progress("score", total, "networks")  # an occasional line if scoring takes long
    print(f"{described} …", end="", file=sys.stderr, flush=True)
    return _Counter("score", total, "networks")


@contextlib.contextmanager
def _log_to_stderr() -> Iterator[None]:
    log, screen = logging.getLogger("naswot"), logging.StreamHandler(sys.stderr)
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(screen)
    try:
        yield
    finally:
        log.removeHandler(screen)
        log.setLevel(before)


def _format_of(output: Path | None) -> str:
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    return ending if ending in FORMATS else "table"


def as_json(frame: "pd.DataFrame") -> str:
    """Return the ranking as a JSON list of objects.

    NaN becomes null, and an infinite score the string "inf" or "-inf", since JSON has neither.
    """

    def plain(value: Any) -> Any:
        return str(value) if isinstance(value, float) and math.isinf(value) else value

    known = frame.astype(object).where(frame.notna(), None)
    rows = [{key: plain(value) for key, value in row.items()} for row in known.to_dict("records")]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(frame: "pd.DataFrame") -> str:
    """Return the ranking as CSV; NaN becomes an empty cell, −inf "-inf"."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_table(frame: "pd.DataFrame") -> str:
    """Return the ranking as text in columns, with the notes below it; NaN becomes "–"."""
    columns = [name for name in frame if name != "note"]
    rows = [["rank", *columns]]
    known = frame.astype(object).where(frame.notna(), math.nan)
    for rank, row in enumerate(known.to_dict("records"), start=1):
        rows.append([str(rank), *(_cell(name, row[name]) for name in columns)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if name == "network" else text.rjust(width)
            for name, text, width in zip(rows[0], row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    notes = [
        f"{name}: {note}"
        for name, note in zip(frame["network"], frame["note"], strict=True)
        if note
    ]
    if notes:
        lines += ["", *notes]
    return "\n".join(lines) + "\n"


def _cell(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "–"
    if column in ("params", "flops"):
        return f"{value:,.0f}"
    return f"{value:.3f}" if column == "seconds" else f"{value:.6g}"


def _about_scores(names: Sequence[str], random_labels: bool) -> str:
    """Say whether higher or lower scores are better, and whether the labels are random."""
    from naswot.scores import needs_of
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


if __name__ == "__main__":
    sys.exit(main())
