"""The command `naswot search`: find networks within limits, by scores of untrained networks."""

import argparse
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot import __version__
from naswot.cli.images import add_image_options, mini_batch
from naswot.cli.limits import add_limit_options, costs_named, limits_of
from naswot.cli.networks import factory_arguments
from naswot.cli.options import LARGEST_SEED, device, positive, whole_number
from naswot.cli.terminal import INTERRUPTED, tell, terminated_as_interrupted
from naswot.errors import NaswotError
from naswot.runtime.cpu import available_cores
from naswot.study.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from naswot.cli.search_screen import Screen
    from naswot.images.labelled import LabelledImages
    from naswot.spaces.choices import ChoiceSpace
    from naswot.study.problem import Problem
    from naswot.study.records import Record

DEFAULT_NETWORKS = 1000
SETTINGS = "settings.json"

EXAMPLES = """\
examples:
  naswot search nasbench201 --max-params 0.5M --networks 200 --output found
  naswot search mobile --images photos/ --image-size 64 --max-flops 50M --minutes 10 --output found
  naswot search myspace.py --scores ensemble --output found
  naswot search --from torchvision.models:resnet18 --image-size 64 --max-latency 8ms --output found

myspace.py has `choices = {"depth": [2, 3, 4], "width": [16, 32]}` and `build(depth, width)`, which
returns a torch.nn.Module. --from varies the widths and depths of a network of your own. Ctrl-C ends
a search early; nothing is lost, and --resume goes on. docs/search.md explains the rest.
"""


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    search = commands.add_parser(
        "search",
        help="find networks within limits on size, operations, memory and latency",
        description="Draw networks from a space, score them untrained, and keep the best and the "
        "front of score and cost.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    search.set_defaults(run=_search, parser=search)
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
        metavar="PACKAGE.MODULE:FACTORY",
        help="vary the widths and depths of this network instead",
    )
    space.add_argument(
        "--factory-args",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="arguments of the factory (values as in YAML)",
    )
    space.add_argument(
        "--classes",
        type=whole_number(1),
        metavar="N",
        help="outputs (default: classes of the images, or 10)",
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
    goal.add_argument(
        "--seed",
        type=whole_number(0, LARGEST_SEED),
        default=0,
        metavar="N",
        help="of draws, weights and images (default: 0)",
    )
    goal.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the naswot score's forward pass; auto: bfloat16 where the processor has "
        "instructions for it (default: auto)",
    )
    goal.add_argument(
        "--device",
        type=device,
        default="auto",
        metavar="DEVICE",
        help="to score on: auto, cpu, cuda, cuda:1 (default: auto)",
    )
    goal.add_argument(
        "--jobs",
        type=whole_number(1),
        metavar="N",
        help="processes (default: one per processor core)",
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
        help="a journal file, or a database as Optuna takes it, in which several programs go on "
        "with one search; each has an --output of its own (default: DIR/study.journal)",
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
        help="epochs of it (default: 5)",
    )
    output.add_argument("--traceback", action="store_true", help="show the full traceback")


def _search(options: argparse.Namespace) -> int:
    if (options.space is None) == (options.network is None):
        options.parser.error("name a SPACE, or a network with --from (one of the two)")
    _require_packages()
    from naswot.study.storage import without_password

    options.command = without_password(options.command)
    from naswot.cli.search_screen import Screen
    from naswot.study.run import Plan, check_method, directions_of, run
    from naswot.study.storage import Storage, owned

    folder = options.output or Path(f"search-{_short(options.space or options.network)}")
    problem, described = _problem(options)
    check_method(options.method, problem)
    networks = options.networks
    if networks is None and options.minutes is None:
        networks = DEFAULT_NETWORKS
    plan = Plan(
        options.method,
        networks,
        None if options.minutes is None else 60 * options.minutes,
        options.jobs or _jobs(problem),
        # Programs that share a storage must not draw the same networks.
        secrets.randbits(32) if options.storage else 0,
    )
    screen = Screen(problem, plan, described)
    with owned(folder), terminated_as_interrupted():
        where = options.storage or str(folder / "study.journal")
        try:
            images = _images_to_train(options, problem)
            space = problem.source.load(problem.classes, problem.shape)
            storage = Storage(where, _settings(problem, space), directions_of(problem))
            if storage.records() and not options.storage and not options.resume:
                raise NaswotError(
                    f"{folder} holds a search already. Go on with it by --resume, or name another "
                    "--output."
                )
            screen.before(space, storage.records())
            with screen:
                why = run(problem, plan, storage, screen.update)
            records = storage.records()
            return _finish(options, problem, records, space, folder, screen, why, images)
        except KeyboardInterrupt:
            tell(f"interrupted; nothing that was recorded is lost. Go on: {_again(options)}")
            return INTERRUPTED


def _problem(options: argparse.Namespace) -> "tuple[Problem, str]":
    """Return what is searched, and a sentence on the images."""
    from naswot.costs.latency import How
    from naswot.runtime.device import choose_device, choose_precision
    from naswot.scores.ranking import score_names
    from naswot.study.problem import Problem, Source

    source = Source(options.space or "", options.network or "")
    if options.network is not None:
        arguments = factory_arguments(options.factory_args)
        source = Source(network=options.network, arguments=arguments)
    names = score_names([name.strip() for name in options.scores.split(",") if name.strip()])
    limits = limits_of(options)
    traded = tuple(options.pareto or limits.kinds or ["params"])
    device = choose_device(options.device)
    models = {} if options.network is None else {options.network: source.make()}
    images, labels, classes, described = mini_batch(options, models)
    problem = Problem(
        source,
        images.numpy(),
        labels,
        options.classes or classes,
        tuple(names),
        # Those that follow from the network alone cost next to nothing.
        tuple(dict.fromkeys(["params", "flops", *limits.kinds, *traded])),
        traded,
        limits,
        options.seed,
        choose_precision(options.precision, device),
        str(device),
        options.latency,
        How(device=str(device), threads=options.latency_threads, batch=options.latency_batch),
    )
    return problem, described


def _require_packages() -> None:
    """Check that the packages of the extra `search` are there.

    Raises:
        NaswotError: one is not.
    """
    try:
        import optuna  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        raise NaswotError(
            f"naswot search needs the package {error.name}: pip install 'naswot[search]'."
        ) from error


def _images_to_train(options: argparse.Namespace, problem: "Problem") -> "LabelledImages | None":
    """Return the images that the best networks are trained on; None if none is to be trained.

    They are read before the search, so that it does not end with the news that they are missing.
    """
    if not options.train_top:
        return None
    from naswot.study.training import labelled

    name = "folder" if options.images is not None else options.dataset
    return labelled(name, options.images or options.mirror, problem)


def _jobs(problem: "Problem") -> int:
    return 1 if problem.device.startswith("cuda") else available_cores()


def _short(name: str) -> str:
    """Return the part of a folder's name that stands for a space."""
    return Path(name.rpartition(":")[2]).stem


def _again(options: argparse.Namespace) -> str:
    """Return the command that goes on with a search."""
    return options.command if options.resume else f"{options.command} --resume"


def _settings(problem: "Problem", space: "ChoiceSpace") -> dict[str, Any]:
    """Return everything that scores and costs depend on: searches that share it can be joined."""
    from naswot.cli.ranking_file import digest
    from naswot.io.digests import sha256_of
    from naswot.scores.custom import is_custom, source_files

    own = dict.fromkeys(name.partition("@")[0] for name in problem.scores if is_custom(name))
    return {
        "naswot": __version__,
        "space": Path(problem.source.space).name or problem.source.network,
        "factory_arguments": dict(problem.source.arguments),
        "files_of_the_space": [sha256_of(file) for file in space.files],
        "scores": list(problem.scores),
        "code_of_scores": {name: [sha256_of(f) for f in source_files(name)] for name in own},
        "images": digest(problem.images, problem.labels),
        "classes": problem.classes,
        "seed": problem.seed,
        "precision": problem.precision,
        "costs": list(problem.costs),
        "front": list(problem.traded),
        "latency": _latency(problem),
    }


def _latency(problem: "Problem") -> str:
    """Return what latencies are, with the digest of a table that they come from."""
    from naswot.costs.sources import TABLE, latency_source
    from naswot.io.digests import sha256_of

    if "latency" not in problem.costs:
        return ""
    text = latency_source(problem.latency, problem.how).text
    table = TABLE.fullmatch(problem.latency)
    return f"{text}, {sha256_of(table['file'])}" if table else text


def _finish(
    options: argparse.Namespace,
    problem: "Problem",
    records: "Sequence[Record]",
    space: "ChoiceSpace",
    folder: Path,
    screen: "Screen",
    why: str,
    images: "LabelledImages | None",
) -> int:
    """Write the results, tell what was found, and return the exit code."""
    from naswot.study.home import Told, export_best, write_readme
    from naswot.study.results import finish, write_tables

    results = finish(problem, records, space, max(options.take, options.train_top))
    lines = [screen.described, f"Limits: {problem.limits.text or 'none'}."]
    write_tables(folder, problem, results, _settings(problem, space), space, lines, records)
    screen.after(results, why)
    if results.front.empty and why != "interrupted":
        raise NaswotError(
            f"No network within the limits has a finite {problem.scores[0]}; "
            f"{folder}/trials.parquet has a row for each that was tried."
        )
    if why == "interrupted":
        tell(f"interrupted; nothing is lost. Go on: {_again(options)}")
        return INTERRUPTED
    exported = export_best(folder, problem, results, space, options.take, options.command)
    agreed = ""
    if images is not None:
        from naswot.images.labelled import NATURAL
        from naswot.study.training import agreement, train_best

        origin = str(options.images or options.dataset)
        best = results.best[: options.train_top]
        trained = train_best(
            folder, problem, best, results.fitness(best), space, images, origin,
            options.train_epochs, options.images is not None or options.dataset in NATURAL,
        )  # fmt: skip
        agreed = agreement(trained, options.train_epochs)
        tell(agreed)
    told = Told(options.command, screen.described, options.method, screen.seconds, agreed)
    write_readme(folder, problem, records, results, space, exported, told)
    tell(f"{folder}/README.md says what is there; {folder}/index.html is its page.")
    failed = [str(one) for one in exported if isinstance(one, NaswotError)]
    return int(bool(failed))
