"""The cells of NAS-Bench-201 as strings."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.errors import NaswotError
from naswot.spaces import SPACES
from naswot.spaces.nasbench201 import cells

operations = st.tuples(*[st.sampled_from(cells.OPERATIONS)] * 6)


def test_all_cells_once_in_the_official_order():
    found = cells.architectures()
    assert len(found) == len(set(found)) == cells.SIZE == 15_625
    # indices 0 and 1 as the benchmark's own files have them
    assert found[0] == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert found[1] == (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
        "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    )


@given(operations)
def test_parse_reads_what_to_string_writes(ops):
    assert cells.parse(cells.to_string(ops)) == ops


@given(st.text(alphabet="|+~012 none_skipct", max_size=80))
def test_any_other_text_is_refused_with_its_name(text):
    with pytest.raises(NaswotError) as caught:  # none of these letters spell a whole cell
        cells.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "part"),
    [
        ("|none~0|+|none~0|none~1|", "2 groups"),
        ("|none~0|+|none~0|nonsense~1|+|none~0|none~1|none~2|", "'nonsense'"),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "'none~0' should come from node 1"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|", "3 edge(s)"),
        ("none~0+|none~0|none~1|+|none~0|none~1|none~2|", "'none~0'"),
    ],
)
def test_the_offending_part_is_named(arch, part):
    with pytest.raises(NaswotError) as caught:
        cells.parse(arch)
    assert part in str(caught.value)


def test_number_of_cells_up_to_isomorphism():
    space = SPACES["nasbench201"]
    assert len({space.canonical(arch) for arch in space.architectures()}) == space.unique == 6466


def test_cells_with_one_canonical_form_are_one_function():
    """Evaluated with a random matrix for each operation, exactly (in integers mod a prime)."""
    prime, generator = 1_000_003, np.random.default_rng(0)
    matrices = {name: generator.integers(prime, size=(3, 3)) for name in cells.OPERATIONS}
    matrices["none"], matrices["skip_connect"] = np.zeros((3, 3), int), np.eye(3, dtype=int)
    functions = {}
    for arch in cells.architectures():
        nodes = [np.eye(3, dtype=int), 0, 0, 0]
        for operation, (source, target) in zip(cells.parse(arch), cells.EDGES, strict=True):
            nodes[target] = (nodes[target] + matrices[operation] @ nodes[source]) % prime
        functions.setdefault(cells.canonical(arch), set()).add(nodes[3].tobytes())
    assert all(len(found) == 1 for found in functions.values())


def test_canonical_form_is_the_published_one(mirror):
    table = pd.read_parquet(mirror / "nasbench201.parquet", columns=["arch", "arch_unique"])
    assert table["arch"].map(cells.canonical).equals(table["arch_unique"])
    assert list(table["arch"]) == list(cells.architectures())


def test_unknown_space_is_named():
    with pytest.raises(NaswotError, match=r"nasbench999.*there are: nasbench201"):
        BUILT_IN["nasbench999"]
