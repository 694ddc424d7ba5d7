"""Turn records of NDS's own files into architecture strings.

A file holds a list of records, or ``{"top": [...], "mid": [...]}``. A record's ``net`` describes
the trained network: for networks of cells ``genotype``, ``width``, ``depth``, ``aux`` and
``drop_prob``; else ``block_type`` and lists with one entry per stage. In those lists entry 0 is
the stem, and ``num_gs`` is the number of groups, not their width: only then does the published
ResNeXt-A record have its 83,002 parameters.
"""

import json

from naswot.errors import NaswotError, shown
from naswot.spaces.nds.checks import FaultError, fields, integer, listed
from naswot.spaces.nds.genotypes import SEARCHSPACES, SPACES_NDS, canonical
from naswot.spaces.nds.stages import STEM, bottleneck_width


def from_record(space: str, net: dict) -> str:
    """Return the architecture string of a record's entry ``net``.

    Args:
        space: one of `SPACES_NDS`.
        net: the entry in the file; keys that do not describe the network are ignored.

    Raises:
        NaswotError: unknown space, or `net` is malformed; the message names the wrong part.
    """
    if space not in SPACES_NDS:
        raise NaswotError(f"There is no NDS space {space!r}; there are: {', '.join(SPACES_NDS)}.")
    try:
        if space in SEARCHSPACES:
            names = ("width", "depth", "aux", "drop_prob", "genotype")
            values = dict(zip(names, fields(net, "net", names, others=True), strict=True))
            described = {"searchspace": SEARCHSPACES[space], "net": values}
        else:
            described = _anynet(net)
        text = json.dumps(described)
    except FaultError as fault:
        raise NaswotError(f"{shown(net)} is not an NDS record: {fault}.") from None
    except (RecursionError, ValueError) as error:
        raise NaswotError(f"{shown(net)} is not an NDS record: {error}.") from None
    return canonical(text, space)


def _anynet(net: dict) -> dict:
    """Return the AnyNet arguments of `net`, with the stem removed from its lists."""
    names = ("ds", "ws", "ss", "bot_muls", "num_gs")
    block, *lists = fields(net, "net", ("block_type", *names), others=True)
    for name, values in zip(names, lists, strict=True):
        listed(values, f"net.{name}")
    depths, widths, strides, multipliers, groups = lists
    if not widths or depths[:1] != [1] or strides[:1] != [1]:
        raise FaultError("entry 0 of net.ds, net.ws, net.ss should be the stem's: 1, its width, 1")
    group_widths = []
    if multipliers or groups:
        listed(multipliers, "net.bot_muls", len(widths))
        listed(groups, "net.num_gs", len(widths))
        for i in range(1, len(widths)):
            inner = bottleneck_width(widths[i], multipliers[i], f"[{i}]")
            if inner % integer(groups[i], f"net.num_gs[{i}]"):
                raise FaultError(f"net.num_gs[{i}] is {groups[i]} and does not divide {inner}")
            group_widths.append(inner // groups[i])
    return {
        "stem_type": STEM,
        "stem_w": widths[0],
        "se_r": None,
        "ss": strides[1:],
        "block_type": "vanilla_block" if block == "double_plain_block" else block,
        "ds": depths[1:],
        "ws": widths[1:],
        "bms": multipliers[1:],
        "gws": group_widths,
    }
