"""The cells of NAS-Bench-101 as text."""

import itertools
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.errors import NaswotError
from naswot.spaces import SPACES
from naswot.spaces.nasbench101 import cells

SPACE = SPACES["nasbench101"]
LARGEST = cells.Cell(
    ((0, 1, 1, 0), (0, 0, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0)),
    ("input", "conv3x3-bn-relu", "maxpool3x3", "output"),
)


@st.composite
def graphs(draw):
    size = draw(st.integers(2, cells.MAX_VERTICES))
    pairs = list(itertools.combinations(range(size), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=cells.MAX_EDGES))
    matrix = [[int((i, j) in edges) for j in range(size)] for i in range(size)]
    inner = draw(st.tuples(*[st.sampled_from(cells.OPERATIONS)] * (size - 2)))
    return cells.Cell(tuple(map(tuple, matrix)), ("input", *inner, "output"))


@st.composite
def pruned_cells(draw):
    """Draw cells of at least three vertices, all of them on a path from input to output."""
    last = draw(st.integers(2, cells.MAX_VERTICES - 1))
    inner = draw(st.lists(st.integers(1, last - 1), unique=True, min_size=1).map(sorted))
    path = set(itertools.pairwise([0, *inner, last]))
    others = st.sampled_from(list(itertools.combinations(range(last + 1), 2)))
    edges = path | draw(st.sets(others, max_size=cells.MAX_EDGES - len(path)))
    matrix = [[int((i, j) in edges) for j in range(last + 1)] for i in range(last + 1)]
    operations = draw(st.tuples(*[st.sampled_from(cells.OPERATIONS)] * (last - 1)))
    return cells.prune(cells.Cell(tuple(map(tuple, matrix)), ("input", *operations, "output")))


@given(graphs())
def test_parse_reads_what_to_string_writes_if_a_path_goes_through(cell):
    if cells.prune(cell) is None:
        with pytest.raises(NaswotError, match="no path leads"):
            cells.parse(cells.to_string(cell))
    else:
        assert cells.parse(cells.to_string(cell)) == cell


@given(pruned_cells(), st.data())
def test_the_hash_does_not_depend_on_the_order_of_the_vertices(cell, data):
    last = len(cell.operations) - 1
    order = [0, *data.draw(st.permutations(range(1, last))), last]
    shuffled = cells.Cell(
        tuple(tuple(cell.matrix[i][j] for j in order) for i in order),
        tuple(cell.operations[vertex] for vertex in order),
    )
    assert cells.module_hash(shuffled) == cells.module_hash(cell)


@given(pruned_cells(), st.integers(1, 64))
def test_the_channels_that_feed_the_output_add_up(cell, width):
    channels = cells.vertex_channels(cell, 16, 6 + width)
    last = len(channels) - 1
    assert sum(channels[source] for source in cell.sources(last) if source) == 6 + width
    for vertex in range(1, last):  # truncation only ever drops channels
        assert all(
            channels[source] >= channels[vertex] for source in cell.sources(vertex) if source
        )


def test_the_benchmarks_hash_and_params(shared):
    table = pd.read_csv(shared / "golden" / "golden.csv")
    for row in table[table["space"] == "nasbench101"].to_dict("records"):
        assert SPACE.canonical(row["arch"]) == json.loads(row["arch"])["hash"]
        assert SPACE.benchmark_params(row["arch"]) == row["params_benchmark"]


def changed(**changes):
    return json.dumps(json.loads(cells.to_string(LARGEST)) | changes)


@pytest.mark.parametrize(
    ("arch", "part"),
    [
        ("not JSON", "it cannot be read"),
        ("[1, 2]", "it cannot be read"),
        (changed(matrix=[[0, 1], [0, 0]]), "4 operations for 2 vertices"),
        (changed(matrix=[[0, 1], [0]]), "the matrix must be square"),
        (changed(matrix=[[0, 2, 0, 0]] + [[0] * 4] * 3), "entry (0, 1) is 2"),
        (changed(matrix=[[0] * 4, [1, 0, 0, 0], [0] * 4, [0] * 4]), "entry (1, 0) is 1"),
        (changed(matrix=[[0] * 4] * 4), "no path leads from the input to the output"),
        (changed(ops=["input", "conv5x5", "maxpool3x3", "output"]), "operation 1 is 'conv5x5'"),
        (changed(hash="0" * 32), "its hash is"),
        (
            json.dumps(
                {
                    "matrix": [[int(i < j) for j in range(6)] for i in range(6)],
                    "ops": ["input", *["maxpool3x3"] * 4, "output"],
                }
            ),
            "it has 15 edges, more than 9",
        ),
    ],
)
def test_the_offending_part_is_named(arch, part):
    with pytest.raises(NaswotError) as caught:
        cells.parse(arch)
    assert part in str(caught.value)


@given(st.text(max_size=40))
def test_any_other_text_is_refused(text):
    with pytest.raises(NaswotError):
        cells.parse(text)


@pytest.mark.parametrize(
    ("arch", "part"),
    [
        ("8:8:8:8", "4 number(s)"),
        ("8:8:8:8:9", "'9' is not one of 8, 16"),
        ("8:8:8:8:08", "'08'"),
        ("", "1 number(s)"),
    ],
)
def test_a_malformed_size_architecture_is_named(arch, part):
    with pytest.raises(NaswotError) as caught:
        SPACES["natsbench_sss"].canonical(arch)
    assert part in str(caught.value)
