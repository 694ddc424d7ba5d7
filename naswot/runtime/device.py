"""Choose the device and the precision of a process, and measure and tune its memory."""

import ctypes
import gc
import platform
import re
import sys

import torch

from naswot.errors import NaswotError
from naswot.runtime.gpu_claims import claim, claims

# Instructions for products of bfloat16 numbers, as torch names them: Intel and AMD, and ARM.
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; a GPU also becomes torch's current device.

    "auto" is a GPU if there is one, else the CPU. If torch sees several GPUs, "auto" and "cuda"
    claim one until this process ends, if possible one that no other job of this user holds.
    `CUDA_VISIBLE_DEVICES` sets which GPUs torch sees; "cuda:1" is the second of these.

    Raises:
        NaswotError: the name is invalid, torch sees no such device, or it cannot be claimed.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", name, re.ASCII):
        raise NaswotError(f"device is {name!r}; choose auto, cpu, cuda, or a GPU such as cuda:1.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device(name)
    if not torch.cuda.is_available():
        raise NaswotError(f"device is {name!r}, but torch sees no GPU here; choose the device cpu.")
    count, index = torch.cuda.device_count(), 0
    if ":" in name:
        index = int(name.partition(":")[2])
    elif count > 1:
        # Claim by UUID: GPU numbers depend on CUDA_VISIBLE_DEVICES, which may differ between jobs.
        uuids = (torch.cuda.get_device_properties(number).uuid for number in range(count))
        index = claim(tuple(map(str, uuids)), claims())
    if index >= count:
        raise NaswotError(
            f"device is {name!r}, but torch sees {count} GPUs here, cuda:0 to cuda:{count - 1}; "
            "choose one of these, or auto."
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def device_name(device: torch.device) -> str:
    """Return the device's name: the GPU's product name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def choose_precision(name: str, device: torch.device) -> str:
    """Return the precision called `name`; "auto" is bfloat16 if `device` computes fast in it."""
    if name != "auto":
        return name
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # torch 2.4 does not tell: float32 is never wrong.
        capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        fast = any(capabilities.get(name) for name in BFLOAT16_INSTRUCTIONS)
    return "bfloat16" if fast else "float32"


def peak_memory(device: torch.device) -> int | None:
    """Return the peak memory of this process in MiB: of the GPU if it computes there, else RAM.

    Return None if the system does not report it.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def prepare_training(device: str, threads: int) -> torch.device:
    """Return the device called `device`, and set torch up to train on it, fast and repeatably.

    `threads` is the number of CPU threads. Raises what `choose_device` raises.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # arithmetic on denormal gradients is a hundred times slower
    torch.backends.cudnn.deterministic = True
    tune_allocator()
    return choose_device(device)


def tune_allocator() -> None:
    """Tune malloc and the garbage collector for a loop of similar forward passes.

    malloc keeps freed memory for reuse, because returning it after every tensor causes a page fault
    per 4 KiB, 5–8 % of the time of a score; this works only with glibc. The garbage collector
    ignores existing objects, because scanning them takes 3 ms per network. Call this after a first
    network has created the objects that are created once.
    """
    gc.collect()
    gc.freeze()
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option in (-1, -3):  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, malloc.h
            libc.mallopt(option, 1 << 30)
