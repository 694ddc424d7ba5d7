"""Describe the machine of a measurement: processor, its instructions, versions."""

from datetime import UTC, datetime

import torch

from naswot.runtime.cpu import available_cores, processor_name
from naswot.runtime.device import BFLOAT16_INSTRUCTIONS, choose_device, device_name
from naswot.runtime.provenance import package_version
from naswot.scores.codes import FusedRecorder

# Of what processors offer, what these timings depend on; x86 and ARM, as torch names them.
INSTRUCTIONS = (
    *("avx2", "avx512_f", "avx512_vnni", "avx512_vpopcntdq", "amx_int8", "i8mm", "sve", "sve2"),
    *BFLOAT16_INSTRUCTIONS,
)


def machine(device: str) -> dict:
    """Return what the numbers depend on besides the code, for metadata."""
    capabilities = torch.cpu.get_capabilities()
    return {
        "processor": processor_name(),
        "device": device_name(choose_device(device)),
        "cores": available_cores(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "instructions": [name for name in INSTRUCTIONS if capabilities.get(name)],
        "numba": package_version("numba") if FusedRecorder is not None else "none",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
