"""The options of `naswot search`."""

import argparse
from pathlib import Path

from naswot.cli.help import Rare
from naswot.cli.images import add_image_options
from naswot.cli.limits import add_limit_options, costs_named
from naswot.cli.options import add_device, add_precision, add_seed, positive, whole_number
from naswot.study.methods import METHODS

DEFAULT_NETWORKS = 1000


def add_search_options(search: argparse.ArgumentParser) -> None:
    """Add them to the parser of the command."""
    space = search.add_argument_group("space")
    space.add_argument(
        "space",
        nargs="?",
        metavar="SPACE",
        help="a built-in space (`naswot spaces` lists them), or a Python file with `choices` and "
        "`build`",
    )
    space.add_argument(
        "--from",
        dest="network",
        metavar="NETWORK",
        help="vary the widths and depths of this network, MODULE:FUNCTION, instead",
    )
    space.add_argument(
        "--factory-args",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=Rare("arguments of the factory (values as in YAML)"),
    )
    space.add_argument(
        "--classes",
        type=whole_number(1),
        metavar="N",
        help=Rare("outputs (default: classes of the images, or 10)"),
    )
    add_image_options(search)
    costs = search.add_argument_group("costs")
    add_limit_options(costs)
    costs.add_argument(
        "--pareto",
        type=costs_named,
        metavar="COSTS",
        help="costs of the front, beside the score, separated by commas (default: those with a "
        "limit, or params)",
    )
    goal = search.add_argument_group("search")
    goal.add_argument(
        "--scores",
        default="naswot",
        metavar="NAMES",
        help="scores, separated by commas; the first is searched for (default: naswot; `naswot "
        "scores` lists them)",
    )
    goal.add_argument(
        "--method",
        choices=tuple(METHODS),
        default="evolution",
        help="; ".join(f"{name}: {about.summary}" for name, about in METHODS.items())
        + " (default: evolution)",
    )
    goal.add_argument(
        "--networks",
        type=whole_number(1),
        metavar="N",
        help=f"how many to score (default: {DEFAULT_NETWORKS:,}, without --minutes)",
    )
    goal.add_argument("--minutes", type=positive, metavar="M", help="how long to search")
    add_seed(goal, "draws, weights and images")
    add_precision(goal, "auto")
    add_device(goal, "to score on")
    goal.add_argument(
        "--jobs",
        type=whole_number(1),
        metavar="N",
        help=Rare("processes (default: one per processor core)"),
    )
    output = search.add_argument_group("output")
    output.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the results (default: search-SPACE)"
    )
    output.add_argument(
        "--resume", action="store_true", help="go on with the search that the folder holds"
    )
    output.add_argument(
        "--storage",
        metavar="FILE|URL",
        help=Rare(
            "a journal file, or a database as Optuna takes it, in which several programs go on "
            "with one search; each has an --output of its own (default: DIR/study.journal)"
        ),
    )
    output.add_argument(
        "--take", type=whole_number(0), default=3, metavar="N",
        help="how many of the best networks to export (default: 3)",
    )  # fmt: skip
    output.add_argument(
        "--train-top", type=whole_number(0), default=0, metavar="N",
        help="train the best N briefly, on labelled images, and say which holds up",
    )  # fmt: skip
    output.add_argument(
        "--train-epochs",
        type=whole_number(1),
        default=5,
        metavar="N",
        help=Rare("epochs of it (default: 5)"),
    )
