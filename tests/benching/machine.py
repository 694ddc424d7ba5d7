"""What was measured on: processor, its instructions, versions."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import torch

from naswot.machine import choose_device, device_name
from naswot.provenance import package_version
from naswot.scores.pending import loops

# Of what processors offer, what these timings depend on; x86 and ARM.
INSTRUCTIONS = (
    *("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"),
    *("asimd", "bf16", "i8mm", "sve", "sve2"),
)


def cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine(device: str) -> dict:
    """Return what the numbers depend on besides the code, for metadata."""
    facts = _cpuinfo()
    flags = facts.get("flags", facts.get("Features", "")).split()
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "device": device_name(choose_device(device)),
        "cores": cores(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "bfloat16_instructions": any("bf16" in flag for flag in flags),
        "amx": "amx_bf16" in flags,
        "numba": package_version("numba") if loops is not None else "none",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _cpuinfo() -> dict[str, str]:
    """Return what Linux says of the first core; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().split("\n\n")[0].splitlines() if path.exists() else []
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}
