"""The options that limit the costs of networks and say where latencies come from."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from naswot.cli.help import Rare
from naswot.cli.options import whole_number
from naswot.costs import COSTS
from naswot.errors import NaswotError

if TYPE_CHECKING:
    from naswot.costs.limits import Limits
    from naswot.costs.sources import Source


def add_limit_options(parser: Any) -> None:
    """Add the options that `limits_of` and `source_of` read to a parser or a group of options."""
    for kind, cost in COSTS.items():
        parser.add_argument(
            f"--max-{kind}",
            type=_quantity(kind),
            metavar="N",
            help=f"highest {cost.title}, such as {' or '.join(cost.examples)}",
        )
    parser.add_argument(
        "--latency",
        default="torch",
        metavar="SOURCE",
        help=Rare(
            "where latencies come from: torch (measured here; the default), onnxruntime (the same "
            "with ONNX Runtime), a function MODULE:FUNCTION of network and image shape returning "
            "milliseconds, or a table FILE.csv or FILE.parquet[:COLUMN] with a row per network"
        ),
    )
    parser.add_argument(
        "--latency-threads",
        type=whole_number(1),
        default=1,
        metavar="N",
        help=Rare("processor threads of a measured pass (default: 1)"),
    )
    parser.add_argument(
        "--latency-batch",
        type=whole_number(1),
        default=1,
        metavar="N",
        help=Rare("images in a measured pass (default: 1)"),
    )


def limits_of(options: argparse.Namespace) -> "Limits":
    """Return the limits that the options of `add_limit_options` give."""
    from naswot.costs.limits import Limits

    given = {kind: getattr(options, f"max_{kind}") for kind in COSTS}
    return Limits({kind: value for kind, value in given.items() if value is not None})


def source_of(options: argparse.Namespace, device: str) -> "Source":
    """Return the source of latencies that the options name; `device` measures.

    Raises:
        NaswotError: there is no such source.
    """
    from naswot.costs.latency import How
    from naswot.costs.sources import latency_source

    how = How(device=device, threads=options.latency_threads, batch=options.latency_batch)
    return latency_source(options.latency, how)


def costs_named(text: str) -> list[str]:
    """Return the costs in a list that is separated by commas; for argparse."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in COSTS:
            raise argparse.ArgumentTypeError(
                f"there is no cost {name!r}; there are {', '.join(COSTS)}, separated by commas"
            )
    return names


def _quantity(kind: str) -> Callable[[str], float]:
    """Return a reader of amounts of a cost."""

    def read(text: str) -> float:
        from naswot.costs.limits import parse_quantity

        try:
            return parse_quantity(text, kind)
        except NaswotError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read
