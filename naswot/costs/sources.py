"""Where latencies come from: measured with PyTorch or ONNX Runtime, a user's function, a table."""

import io
import math
import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from naswot.costs.inputs import first_of
from naswot.costs.latency import (
    How,
    Latency,
    Network,
    Pass,
    Shape,
    measure_latency,
    measure_passes,
    threads_of,
)
from naswot.costs.latency_table import read_latencies
from naswot.errors import NaswotError, shown
from naswot.io.user_code import find_callable
from naswot.runtime.extras import extras_named
from naswot.runtime.progress import Progress
from naswot.scores.failures import one_line
from naswot.scores.inputs import Inputs, TensorTree

FUNCTION = "function", "mydevice:latency for `latency` in mydevice.py here"
FORMS = "torch, onnxruntime, MODULE:FUNCTION, or a file FILE.csv or FILE.parquet"
TABLE = re.compile(r"(?P<file>.+\.(csv|parquet))(:(?P<column>.+))?", re.IGNORECASE)


Latencies = dict[str, Latency | NaswotError]


@dataclass(frozen=True)
class Source:
    """Where latencies come from.

    Attributes:
        text: one line for readers: what the numbers are.
        function: what `measure` calls.
    """

    text: str
    function: Callable[[Mapping[str, Network], Shape, Progress | None], Latencies]

    def measure(
        self, networks: Mapping[str, Network], shape: Shape, progress: Progress | None = None
    ) -> Latencies:
        """Return the latency of each network, or the error that says why there is none.

        Args:
            networks: name, or architecture, → module, which is not changed, or what builds one.
            shape: of an image, (C, H, W), or inputs (B, …) as the networks take them.
            progress: advanced after each network.
        """
        return self.function(networks, shape, progress)


def latency_source(text: str = "torch", how: How | None = None) -> Source:
    """Return the source of latencies that `text` names.

    Args:
        text: "torch": measured as `naswot.costs.latency` says; "onnxruntime": the same with ONNX
            Runtime on this processor; "MODULE:FUNCTION": a function (network, shape) →
            milliseconds; "FILE.csv" or "FILE.parquet", with ":COLUMN" if the milliseconds are not
            in the column `ms`: a table (`naswot.costs.latency_table`).
        how: device, threads, batch size and type, for what is measured here; None: one image and
            one thread of the CPU.

    Raises:
        NaswotError: there is no such source, the table cannot be read, or a package is missing.
    """
    how = how or How()
    if text == "torch":
        return _torch(how)
    if text == "onnxruntime":
        return _onnxruntime(how)
    if table := TABLE.fullmatch(text):
        return _table(Path(table["file"]), table["column"] or "ms")
    if ":" not in text:
        raise NaswotError(f"There is no source of latencies {text!r}; choose {FORMS}.")
    return _function(text)


def _torch(how: How) -> Source:
    def measure(
        networks: Mapping[str, Network], shape: Shape, progress: Progress | None
    ) -> Latencies:
        return measure_latency(networks, shape, how, progress)

    return Source(how.text(f"PyTorch {torch.__version__}"), measure)


def _onnxruntime(how: How) -> Source:
    with extras_named():
        import onnx  # noqa: F401, the export needs it
        import onnxruntime
    if how.device not in ("cpu", "auto"):
        raise NaswotError(f"onnxruntime is measured on the CPU, not on {how.device}.")
    if how.dtype == "bfloat16":
        raise NaswotError("onnxruntime takes no images of bfloat16; choose float32 or float16.")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = how.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3  # errors

    def measure(
        networks: Mapping[str, Network], shape: Shape, progress: Progress | None
    ) -> Latencies:
        image = first_of(shape, how.batch, getattr(torch, how.dtype)).to("cpu")
        if isinstance(image, TensorTree):
            raise NaswotError("onnxruntime is measured with one tensor of images.")
        pixels = image

        def passes(network: nn.Module) -> Pass:
            network = network.to(pixels.dtype).eval()
            with torch.no_grad():
                network(pixels)  # if it fails, it says why better than the export
            model = as_onnx(network, pixels)
            session = onnxruntime.InferenceSession(
                model, settings, providers=["CPUExecutionProvider"]
            )
            feed = {session.get_inputs()[0].name: pixels.numpy()}

            def run() -> float:
                started = time.perf_counter()
                session.run(None, feed)
                return (time.perf_counter() - started) * 1e3

            return run

        with torch.random.fork_rng([]), threads_of(how.threads):
            return measure_passes(networks, image, passes, how, progress)

    return Source(how.text(f"ONNX Runtime {onnxruntime.__version__}"), measure)


def as_onnx(network: nn.Module, image: torch.Tensor) -> bytes:
    """Return a network in eval mode as an ONNX model for inputs like `image` (B, …).

    Raises:
        NaswotError: it cannot be exported.
    """
    failures = []
    # The older exporter needs a tenth of the time, the newer one takes more networks.
    for dynamo in (False, True):
        stream = io.BytesIO()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if dynamo:
                    program: Any = torch.onnx.export(network, (image,), dynamo=True, verbose=False)
                    return program.model_proto.SerializeToString()
                torch.onnx.export(network, (image,), stream, dynamo=False)  # type: ignore[arg-type]
                return stream.getvalue()
        except Exception as error:  # both may raise anything
            failures.append(error)
    raise NaswotError(f"cannot be exported to ONNX: {one_line(failures[-1])}") from failures[-1]


def _function(path: str) -> Source:
    function = find_callable(path, *FUNCTION)

    def one(network: Network, image: Inputs) -> Latency | NaswotError:
        try:
            built = network if isinstance(network, nn.Module) else network()
            found = function(built, tuple(image.shape[1:]))
        except NaswotError as error:
            return error
        except (Exception, SystemExit) as error:  # a user's function may raise anything
            failure = NaswotError(f"{path} fails: {one_line(error)}")
            failure.__cause__ = error
            return failure
        try:
            number = float(found)
        except (RuntimeError, TypeError, ValueError):
            number = math.nan
        if not 0 <= number < math.inf:
            return NaswotError(f"{path} returns {shown(found)} instead of milliseconds.")
        return Latency(number)

    def measure(
        networks: Mapping[str, Network], shape: Shape, progress: Progress | None
    ) -> Latencies:
        image = first_of(shape, 1, torch.float32)
        if isinstance(image, TensorTree):
            raise NaswotError(f"{path} is called with the shape of one tensor of images.")
        found = {}
        for name, network in networks.items():
            found[name] = one(network, image)
            if progress is not None:
                progress.advance()
        return found

    return Source(f"ms by {path}", measure)


def _table(path: Path, column: str) -> Source:
    latencies = read_latencies(path, column)

    def measure(
        networks: Mapping[str, Network], shape: Shape, progress: Progress | None
    ) -> Latencies:
        if progress is not None:
            progress.advance(len(networks))
        return {
            name: Latency(latencies[name])
            if name in latencies
            else NaswotError(f"{path} has no latency of {name}.")
            for name in networks
        }

    return Source(f"ms from the column {column} of {path}", measure)
