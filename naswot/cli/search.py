"""The command `naswot search`: find networks within limits, by scores of untrained networks."""

import argparse
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot.cli.images import mini_batch
from naswot.cli.limits import limits_of
from naswot.cli.networks import factory_arguments
from naswot.cli.search_options import DEFAULT_NETWORKS, add_search_options
from naswot.cli.terminal import INTERRUPTED, tell, terminated_as_interrupted
from naswot.errors import NaswotError
from naswot.runtime.cpu import available_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from naswot.cli.search_screen import Screen
    from naswot.images.labelled import LabelledImages
    from naswot.spaces.choices import ChoiceSpace
    from naswot.study.problem import Problem
    from naswot.study.records import Record

EXAMPLES = """\
examples:
  naswot search mobile --images photos/ --image-size 64 --max-flops 50M --minutes 10 --output found
  naswot search --from torchvision.models:resnet18 --image-size 64 --max-latency 8ms --output found


  naswot search nasbench201 --max-params 0.5M --networks 200 --output found
  naswot search myspace.py --scores ensemble --output found

myspace.py has `choices = {"depth": [2, 3, 4], "width": [16, 32]}` and `build(depth, width)`, which
returns a torch.nn.Module. --from varies the widths and depths of a network of your own. Ctrl-C ends
a search early; nothing is lost, and --resume goes on. docs/how-to/search.md explains the rest.
"""


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    search = commands.add_parser(
        "search",
        usage="naswot search [options] SPACE\n       naswot search [options] --from NETWORK",
        help="find networks within limits on size, operations, memory and latency",
        description="Draw networks from a space, score them untrained, and keep the best and the "
        "front of score and cost.",
        epilog=EXAMPLES,
    )
    search.set_defaults(run=_search, extra="search", parser=search)
    add_search_options(search)


def _search(options: argparse.Namespace) -> int:
    if (options.space is None) == (options.network is None):
        options.parser.error("name a SPACE, or a network with --from (one of the two)")
    import optuna  # noqa: F401, before the first message

    from naswot.study.storage import without_password

    options.command = without_password(options.command)
    from naswot.cli.search_screen import Screen
    from naswot.study.run import Plan, check_method, directions_of, run
    from naswot.study.settings import settings_of
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
            storage = Storage(where, settings_of(problem, space), directions_of(problem))
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
    from naswot.study.settings import settings_of

    results = finish(problem, records, space, max(options.take, options.train_top))
    lines = [screen.described, f"Limits: {problem.limits.text or 'none'}."]
    write_tables(folder, problem, results, settings_of(problem, space), space, lines, records)
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

        origin = str(options.images or images.source)
        best = results.best[: options.train_top]
        trained = train_best(
            folder, problem, best, results.fitness(best), space, images, origin,
            options.train_epochs, options.images is not None or options.dataset in NATURAL,
        )  # fmt: skip
        agreed = agreement(trained, options.train_epochs, origin)
        tell(agreed)
    told = Told(options.command, screen.described, options.method, screen.seconds, agreed)
    write_readme(folder, problem, records, results, space, exported, told)
    tell(f"{folder}/README.md says what is there; {folder}/index.html is its page.")
    failed = [str(one) for one in exported if isinstance(one, NaswotError)]
    return int(bool(failed))
