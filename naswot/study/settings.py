"""Everything that scores and costs depend on: searches in which it is equal can be joined."""

from pathlib import Path
from typing import Any

from naswot import __version__
from naswot.costs.sources import TABLE, latency_source
from naswot.io.digests import digest_of_arrays, sha256_of
from naswot.scores.custom import is_custom, source_files
from naswot.spaces.choices import ChoiceSpace
from naswot.study.problem import Problem


def settings_of(problem: Problem, space: ChoiceSpace) -> dict[str, Any]:
    """Return the settings of a search, as JSON can hold them."""
    own = dict.fromkeys(name.partition("@")[0] for name in problem.scores if is_custom(name))
    return {
        "naswot": __version__,
        "space": Path(problem.source.space).name or problem.source.network,
        "factory_arguments": dict(problem.source.arguments),
        "files_of_the_space": [sha256_of(file) for file in space.files],
        "scores": list(problem.scores),
        "code_of_scores": {name: [sha256_of(f) for f in source_files(name)] for name in own},
        "images": digest_of_arrays(problem.images, problem.labels),
        "classes": problem.classes,
        "seed": problem.seed,
        "precision": problem.precision,
        "costs": list(problem.costs),
        "front": list(problem.traded),
        "latency": _latency(problem),
    }


def _latency(problem: Problem) -> str:
    """Return what latencies are, with the digest of a table that they come from."""
    if "latency" not in problem.costs:
        return ""
    text = latency_source(problem.latency, problem.how).text
    table = TABLE.fullmatch(problem.latency)
    return f"{text}, {sha256_of(table['file'])}" if table else text
