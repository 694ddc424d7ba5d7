"""Neural architecture search without training: rank networks in seconds, before training any.

    >>> from naswot import score
    >>> score(network, images).value

`score` takes any `torch.nn.Module` and a mini-batch; `rank` takes several networks and scores, as
does the command `naswot score`; `predict` learns from networks that are trained; `open_table` asks
benchmarks for accuracies of trained networks. The rest of the package is what the Snakemake
workflow is made of; docs/explanation/architecture.md is its map.
"""

from typing import Any

from naswot._version import __version__

__all__ = ["NaswotError", "__version__", "from_api", "open_table", "predict", "rank", "score"]


def __getattr__(name: str) -> Any:
    # Importing torch takes seconds; stages that need none of it should not wait for it.
    from naswot.runtime.extras import extras_named

    with extras_named():
        if name == "score":
            from naswot.scores.naswot import score

            return score
        if name == "rank":
            from naswot.costs.ranking import rank

            return rank
        if name == "predict":
            from naswot.analysis.prediction import predict

            return predict
        if name in ("from_api", "open_table"):
            from naswot import benchmarks

            return getattr(benchmarks, name)
        if name == "NaswotError":
            from naswot.errors import NaswotError

            return NaswotError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
