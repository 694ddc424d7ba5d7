"""The command `naswot score`: score networks of the user's own and rank them."""

import argparse
import contextlib
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot import __version__
from naswot.cli.images import add_image_options, mini_batch
from naswot.cli.limits import add_limit_options, costs_named, limits_of, source_of
from naswot.cli.networks import entries_of, model_of
from naswot.cli.options import add_device, add_precision, add_seed, whole_number
from naswot.cli.render import FORMATS, as_csv, as_json, as_table
from naswot.cli.terminal import (
    INTERRUPTED,
    aside,
    progress_on,
    tell,
    terminated_as_interrupted,
)
from naswot.costs import COSTS
from naswot.errors import NaswotError

if TYPE_CHECKING:
    from naswot.cli.ranking_file import RankingFile
    from naswot.scores.ranking import Row

EXAMPLES = """\
examples:
  naswot score torchvision.models:resnet18 torchvision.models:mobilenet_v2
  naswot score mynets:small mynets:large --images photos/ --image-size 64 --scores naswot,grad_norm
  naswot score --list models.yaml --scores all --output ranking.csv --resume
  naswot score --list models.yaml --max-params 5M --max-latency 8ms --pareto latency

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
        help="function that builds a network; the current directory is searched first. Or "
        "FILE.py:FACTORY",
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
        type=whole_number(1),
        metavar="N",
        help="number of labels, and of outputs of networks whose factory takes num_classes or "
        "classes (default: the number of classes of the images, or 10)",
    )
    add_image_options(score)
    scoring = score.add_argument_group("scoring")
    scoring.add_argument(
        "--scores",
        default="naswot",
        metavar="NAMES",
        help="scores, separated by commas, or all; the first one defines the ranking (default: "
        "naswot; `naswot scores` lists them)",
    )
    add_seed(scoring, "weights and images")
    add_precision(scoring, "float32")
    scoring.add_argument(
        "--fail-fast",
        action="store_true",
        help="stop at the first network that fails (default: write a note and continue)",
    )
    add_device(scoring, "to score on")
    costs = score.add_argument_group("costs", "docs/reference/costs.md says what they are")
    costs.add_argument(
        "--costs",
        type=costs_named,
        default=[],
        metavar="NAMES",
        help=f"columns to add, separated by commas: {', '.join(COSTS)}",
    )
    add_limit_options(costs)
    costs.add_argument(
        "--pareto",
        nargs="?",
        type=costs_named,
        const=[],
        metavar="COSTS",
        help="mark the networks that none beats in the first score and these costs (default: those "
        "that are limited, or params)",
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
    from naswot.cli.ranking_file import RankingFile
    from naswot.costs.ranking import asked_of, lacks_latency, ranked, with_latencies
    from naswot.runtime.device import choose_device, choose_precision, device_name
    from naswot.scores.ranking import batch_of, check_any, has_score, score_each, score_names

    names = score_names([name.strip() for name in options.scores.split(",") if name.strip()])
    front = False if options.pareto is None else options.pareto or True
    asked = asked_of(options.costs, limits_of(options), front)
    entries = entries_of(options)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    source = source_of(options, str(device)) if "latency" in asked.costs else None
    try:
        # Output of a network's code is not part of the result.
        with terminated_as_interrupted(), contextlib.redirect_stdout(sys.stderr):
            models = {name: model_of(*entry, options.fail_fast) for name, entry in entries.items()}
            images, labels, classes, described = mini_batch(options, models)
    except KeyboardInterrupt:
        tell(f"interrupted after 0 of {len(entries)} networks.")
        return INTERRUPTED
    classes = options.classes or classes
    about = [
        f"{described}; {device_name(device)}, {precision}; {_about_scores(names, labels is None)}",
        *([f"latency: {source.text}"] if source else []),
        *([f"limits: {asked.limits.text}"] if asked.limits else []),
        *([f"front: {names[0]} against {', '.join(asked.front)}"] if asked.front else []),
    ]
    positions = {name: position for position, name in enumerate(entries)}

    def render(rows: "Sequence[Row]") -> str:
        ordered = sorted(rows, key=lambda row: positions.get(row.network, len(positions)))
        frame = ranked(ordered, names, asked)
        if kind == "table":
            return "".join([as_table(frame), *(f"{line}.\n" for line in about)])
        return {"json": as_json, "csv": as_csv}[kind](frame)

    file = None
    kept: list[Row] = []
    if options.output is not None:
        settings = {
            "naswot": __version__,
            "scores": names,
            "seed": options.seed,
            "batch_size": options.batch_size,
            "classes": classes,
            "precision": precision,
            **({"costs": costs} if (costs := asked.columns([])) else {}),
            **({"latency": source.text} if source else {}),
            **_images_and_code(images, labels, described, names, entries),
        }
        file = RankingFile(options.output, render, None if kind == "table" else settings)
        if options.resume:
            kept = file.resume(kind, asked.columns(names))
    done = {row.network for row in kept if row.failure is None}
    left = {name: model for name, model in models.items() if name not in done}
    rows = [row for row in kept if row.network not in left]
    total, interrupted = len(rows) + len(left), False
    images = images.to(device)
    try:
        with terminated_as_interrupted():
            progress = progress_on(len(left), described) if left else None
            for row in aside(
                score_each(
                    left,
                    images,
                    asked.scores(names),
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
                if any(has_score(row, names) for row in rows):
                    _deliver(render, rows, file, last=False)
            waiting = [row for row in rows if row.network in models and lacks_latency(row)]
            if source and waiting:
                progress = progress_on(len(waiting), "latencies")
                batch = batch_of(images, labels, classes, options.seed)
                with contextlib.redirect_stdout(sys.stderr):
                    measured = with_latencies(
                        waiting, models, batch, options.seed, source, progress
                    )
                changed = {row.network: row for row in measured}
                rows = [changed.get(row.network, row) for row in rows]
    except KeyboardInterrupt:
        interrupted = True
    if not interrupted:
        options.traceback = False  # tracebacks of networks have been printed
        check_any(rows, names)
    if rows and (file is None or any(has_score(row, names) for row in rows)):
        _deliver(render, rows, file)
    if interrupted:
        again = "; --resume continues from there" if file is not None and kind != "table" else ""
        tell(f"interrupted after {len(rows)} of {total} networks{again}.")
        return INTERRUPTED
    failed = sum(row.failure is not None for row in rows)
    if failed:
        tell(f"{failed} of {total} networks failed; their notes say why.")
    return int(failed > 0)


def _images_and_code(
    images: Any,
    labels: Any,
    described: str,
    names: Sequence[str],
    entries: Mapping[str, tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    """Return the settings about images, networks, and the code of the user's own scores."""
    from naswot.cli.ranking_file import NETWORKS
    from naswot.io.digests import digest_of_arrays, sha256_of
    from naswot.scores.custom import is_custom, source_files

    own = dict.fromkeys(name.partition("@")[0] for name in names if is_custom(name))
    code = {name: [sha256_of(file) for file in source_files(name)] for name in own}
    return {
        **({"code": code} if code else {}),
        "images": described,
        "images_sha256": digest_of_arrays(images, labels),
        NETWORKS: {
            name: {"factory": factory, "arguments": arguments}
            for name, (factory, arguments) in entries.items()
        },
    }


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
