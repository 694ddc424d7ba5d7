"""Summarise the workers' measurements: one row per space and precision, and Markdown."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benching.networks import TIMED
from naswot.spaces import SPACES

PHASES = ("build", "forward", "codes", "kernel", "determinant")
NOTES = """\
| term | meaning |
| --- | --- |
| protocol | the authors' code spelt out (oracle.py), float32, ReLUs counted as published |
| modules | our score with networks of modules, where it has plans for a space |
| simple path | our score with modules, and every operation PyTorch's own |
| seconds | one network in one worker of one thread, construction included, all workers busy |
| ratio | seconds of the protocol, of modules or the simple path / ours, median over networks; \
each network is timed by all methods in turn |
| networks/s | all workers together, scoring only |
| memory | peak resident set of a process that only scores, Python and PyTorch included |
| build | construction, and the move to the device, the precision and the memory layout; a plan \
draws its weights in the forward pass |
| forward | all that happens while the network runs, except codes and their products |
| codes | codes and their products; only the products if the fused kernels of \
`naswot.scores.fused` form the codes in the forward pass |
| operations | two per multiply-add of convolutions and linear layers |
| peak | product of two square matrices in the same precision, one worker while all are busy |

Phases are means over networks, so they add up."""


def row(
    space: str,
    precision: str,
    compared: Sequence[Sequence[Mapping]],
    alone: Sequence[float],
    phases: Sequence[Sequence[Mapping]],
    peaks: Sequence[float],
    memory: Sequence[float],
) -> dict:
    """Return the table's row; lists have an entry a worker, lists in them one a network."""
    seconds = pd.DataFrame([one for worker in compared for one in worker])
    parts = pd.DataFrame([one for worker in phases for one in worker])
    ours = seconds[f"ours {precision}"]
    resident, on_gpu = memory
    total = parts[list(PHASES)].to_numpy().sum()
    return {
        "space": space,
        "precision": precision,
        "networks": len(seconds),
        "seconds_median": ours.median(),
        "seconds_p90": ours.quantile(0.9),
        "protocol_seconds_median": seconds["protocol"].median(),
        "ratio_to_protocol": (seconds["protocol"] / ours).median(),
        "ratio_to_modules": (seconds[f"modules {precision}"] / ours).median(),
        "ratio_to_simple": (seconds[f"simple {precision}"] / ours).median(),
        "networks_per_second": sum(
            len(done) / taken for done, taken in zip(compared, alone, strict=True)
        ),
        "forward_flops_per_second": parts["operations"].sum() / parts["forward"].sum(),
        "peak_flops_per_second": float(np.median(peaks)),
        "memory_mib": resident,
        "gpu_memory_mib": np.nan if on_gpu is None else on_gpu,
        **{f"{phase}_seconds": parts[phase].mean() for phase in PHASES},
        "share_outside_forward": 1 - parts["forward"].sum() / total,
    }


def markdown(table: pd.DataFrame, about: Mapping) -> str:
    """Return the table as Markdown, in two parts, with what was measured on and how."""
    threads = f"{about['workers']} worker{'s' * (about['workers'] > 1)} of one thread each"
    instructions = ", ".join(about["instructions"]) or "unknown"
    device = "" if about["device"] == "cpu" else f"{about['device']}, "
    head = (
        f"{device}{about['processor']}, {about['cores']} cores, {threads}; batch {about['batch']} "
        f"of {about['size']}×{about['size']}; torch {about['torch']} "
        f"({about['cpu_capability']}; instructions: {instructions}), numba {about['numba']}, "
        f"Python {about['python']}; {about['date']}"
    )
    speed, places = [], []
    for _, one in table.iterrows():
        name = [SPACES[TIMED[one["space"]][0]].title, one["precision"]]
        gpu = f" + {one['gpu_memory_mib']:,.0f} GPU" * bool(one["gpu_memory_mib"] > 0)
        speed.append(
            [
                *name,
                str(one["networks"]),
                f"{one['seconds_median']:.3f}",
                f"{one['seconds_p90']:.3f}",
                f"{one['protocol_seconds_median']:.2f}",
                f"{one['ratio_to_protocol']:.1f}×",
                f"{one['ratio_to_modules']:.2f}×",
                f"{one['ratio_to_simple']:.2f}×",
                f"{one['networks_per_second']:.1f}",
                f"{one['memory_mib']:,.0f}{gpu}",
            ]
        )
        places.append(
            [
                *name,
                *(f"{1000 * one[f'{phase}_seconds']:.1f}" for phase in PHASES),
                f"{100 * one['share_outside_forward']:.0f} %",
                f"{one['forward_flops_per_second'] / 1e9:,.0f}",
                f"{one['peak_flops_per_second'] / 1e9:,.0f}",
            ]
        )
    first = ["space", "precision", "networks", "median s", "90th percentile s", "protocol s"]
    first += ["ratio to the protocol", "to modules", "to the simple path"]
    first += ["networks/s", "memory MiB"]
    second = ["space", "precision", *(f"{phase} ms" for phase in PHASES)]
    second += ["outside forward", "forward GFLOP/s", "peak GFLOP/s"]
    parts = ["# How fast the score is", head, _table(first, speed), _table(second, places), NOTES]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return Markdown whose columns are as wide as their widest cell; numbers to the right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    names = ["-" * width for width in widths[:2]]
    numbers = ["-" * (width - 1) + ":" for width in widths[2:]]
    padded = [
        [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        + [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        for line in lines
    ]
    padded.insert(1, names + numbers)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
