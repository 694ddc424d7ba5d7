"""Numbers that describe architectures: against networks taken apart, and counted by hand."""

import itertools
import json

import networkx
import numpy as np
import pytest

from naswot.errors import NaswotError
from naswot.spaces import SPACES
from naswot.spaces.encoding import encode
from naswot.spaces.nasbench201.cells import EDGES, parse, to_string
from naswot.spaces.nasbench201.encoding import COUNTED, SETS

SKIP, POINT, THREE, POOL = "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"
DESCRIBED = [name for name, space in SPACES.items() if space.encode is not None]
CELL = {
    "matrix": [[0, 1, 1, 0, 1], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0] * 5],
    "ops": ["input", "conv3x3-bn-relu", "maxpool3x3", "conv1x1-bn-relu", "output"],
}
SOME = {
    "nasbench201": [to_string((THREE, "none", SKIP, POOL, "none", POINT)), to_string((SKIP,) * 6)],
    "natsbench_sss": ["8:16:24:32:64", "64:64:64:64:64"],
    "nasbench101": [json.dumps(CELL)],
}


def simple_paths(operation):
    """Return the operations of each path of a NAS-Bench-201 cell that passes something on."""
    graph = networkx.DiGraph([edge for edge in EDGES if operation[edge] != "none"])
    graph.add_nodes_from(range(4))
    found = networkx.all_simple_edge_paths(graph, 0, 3)
    return [[operation[edge] for edge in path] for path in found]


def test_numbers_of_nasbench201_are_those_of_the_graph():
    space = SPACES["nasbench201"]
    architectures = [space.architectures()[i] for i in range(0, space.size, 97)]
    architectures += [to_string(("none",) * 6), to_string((SKIP,) * 6)]
    found = encode(space, architectures)
    for arch in architectures:
        operation = dict(zip(EDGES, parse(arch), strict=True))
        paths, row = simple_paths(operation), found.loc[arch]
        assert row["live paths"] == len(paths)
        for allowed in SETS:
            lengths = [len(path) for path in paths if not set(path) - set(allowed)]
            name = "+".join(allowed)
            assert row[f"paths of {name}"] == len(lengths)
            assert row[f"shortest of {name}"] == (min(lengths) if lengths else 4)
            assert row[f"longest of {name}"] == (max(lengths) if lengths else 0)
        for name, kinds in COUNTED.items():
            counts = [sum(each in kinds for each in path) for path in paths]
            some = [f(counts) if counts else 0 for f in (max, min, sum, np.mean)]
            assert list(row[[f"{what} {name}" for what in ("most", "fewest", "all", "mean")]]) == (
                pytest.approx(some)
            )


def test_an_edge_that_no_path_uses_changes_nothing():
    space = SPACES["nasbench201"]
    dead = [to_string((kind, POOL, "none", SKIP, "none", THREE)) for kind in ("none", THREE, POOL)]
    first, *others = encode(space, dead).to_numpy()
    assert first[-1] == 3  # live edges
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_numbers_of_nasbench101_are_counted_without_what_is_pruned():
    numbers = encode(SPACES["nasbench101"], [json.dumps(CELL)]).iloc[0]
    # Vertex 3 leads nowhere. Paths: to the output at once, over 2, and over 1 and 2.
    assert numbers["paths"] == 3
    assert numbers["edges"] == 5
    assert [numbers[f"{what} operations"] for what in ("all", "most", "fewest")] == [2, 2, 0]
    assert [numbers[f"{what} conv3x3-bn-relu"] for what in ("all", "most", "fewest")] == [1, 1, 0]
    assert [numbers[f"{what} maxpool3x3"] for what in ("all", "most", "fewest")] == [1, 1, 0]
    assert numbers["all conv1x1-bn-relu"] == 0


@pytest.mark.parametrize("name", DESCRIBED)
def test_an_encoding_has_the_same_finite_numbers_for_each_architecture(name):
    found = encode(SPACES[name], SOME[name])
    assert found.index.tolist() == SOME[name]
    assert found.columns.is_unique
    assert np.isfinite(found.to_numpy()).all()


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_malformed_architecture_is_named(name):
    with pytest.raises(NaswotError, match="nonsense"):
        encode(SPACES[name], ["|nonsense|"])


def test_a_space_without_numbers_says_so():
    with pytest.raises(NaswotError, match="nds_resnet has no encoding"):
        encode(SPACES["nds_resnet"], [])


def test_isomorphic_cells_of_nasbench101_have_the_same_numbers():
    order = [0, 1, 3, 2, 4]
    matrix = np.array(CELL["matrix"])[np.ix_(order, order)]
    assert not np.tril(matrix).any()  # edges lead forward in this order too
    swapped = {"matrix": matrix.tolist(), "ops": [CELL["ops"][k] for k in order]}
    first, second = (encode(SPACES["nasbench101"], [json.dumps(c)]) for c in (CELL, swapped))
    np.testing.assert_array_equal(first, second)


def test_every_set_of_operations_is_there_once():
    assert len(SETS) == len(set(SETS)) == 15
    assert all(list(one) == sorted(one, key=SETS[-1].index) for one in SETS)
    assert set(itertools.chain(*SETS)) == {SKIP, POINT, THREE, POOL}
