"""Which architectures are one mutation apart, against plain definitions one by one."""

import itertools
import json
import logging
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.benchmarks.nasbench101 import read_mirror
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces import SPACES
from naswot.spaces import neighbourhood as module
from naswot.spaces.nasbench101 import cells
from naswot.spaces.nasbench101.neighbours import invariants, one_apart
from naswot.spaces.neighbourhood import NEAREST, neighbourhood
from naswot.stages.neighbours import find_neighbours
from naswot.tables.neighbours import read_neighbours
from naswot.workflow.custom_spaces import catalogue_of

PARTS = {
    "nasbench201": lambda arch: [edge for edge in arch.replace("+", "").split("|") if edge],
    "natsbench_sss": lambda arch: arch.split(":"),
    "nasbenchmacro": list,
    "transnas_micro": lambda arch: list(arch.rpartition("-")[2].replace("_", "")),
}
# Corners of spaces: of a few architectures there, some have neighbours and some have none.
CORNERS = {
    name: [arch for arch in SPACES[name].architectures() if max(SPACES[name].genes(arch)) < 2]
    for name in PARTS
}


def rows(neighbours) -> list[list[int]]:
    """Return rows without what fills them up, which has to be at their ends."""
    for row in neighbours:
        count = (row >= 0).sum()
        assert (row[count:] == -1).all()
        assert (np.diff(row[:count]) > 0).all()
    return [row[row >= 0].tolist() for row in neighbours]


def differing(one, other) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def nearest(parts) -> list[list[int]]:
    """Return for each the 20 others that differ least, the first of equals."""
    found = []
    for i, own in enumerate(parts):
        others = [j for j in range(len(parts)) if j != i]
        others.sort(key=lambda j: (differing(own, parts[j]), j))
        found.append(sorted(others[:NEAREST]))
    return found


# --- spaces of independent choices --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("nasbench201", 6 * 4),
        ("natsbench_sss", 5 * 7),
        ("nasbenchmacro", 8 * 2),
        ("transnas_micro", 6 * 3),
    ],
)
def test_one_choice_differs_in_the_whole_space(name, count):
    space = SPACES[name]
    architectures = space.architectures()
    found = neighbourhood(space, architectures)
    assert found.neighbours.shape == (space.size, count)
    assert found.neighbours.dtype == np.int32
    assert not found.nearest
    parts = [PARTS[name](arch) for arch in architectures]
    for i in random.Random(0).sample(range(space.size), 20):
        expected = [j for j, other in enumerate(parts) if differing(parts[i], other) == 1]
        assert found.neighbours[i].tolist() == expected
    pairs = {(i, j) for i, row in enumerate(found.neighbours.tolist()) for j in row}
    assert {(j, i) for i, j in pairs} == pairs
    assert [tuple(row) for row in found.genes.tolist()] == [*map(space.genes, architectures)]


def test_genes_are_positions_among_the_choices():
    arch = "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    assert SPACES["nasbench201"].genes(arch) == (0, 1, 2, 3, 4, 0)
    assert SPACES["natsbench_sss"].genes("64:8:16:24:8") == (7, 0, 1, 2, 0)


@pytest.mark.parametrize("name", PARTS)
@given(seed=st.integers(0, 2**16), size=st.integers(0, 60), doubles=st.booleans())
def test_any_list_of_architectures_has_neighbours(name, seed, size, doubles):
    space, generator = SPACES[name], random.Random(seed)
    corner = CORNERS[name]
    listed = (
        generator.choices(corner, k=size) if doubles else generator.sample(corner, min(size, 8))
    )
    found = neighbourhood(space, listed)
    parts = [PARTS[name](arch) for arch in listed]
    exact = [[j for j, other in enumerate(parts) if differing(own, other) == 1] for own in parts]
    assert found.nearest == (not all(exact))
    assert rows(found.neighbours) == (exact if all(exact) else nearest(parts))


def test_malformed_architectures_are_named():
    for name in ("nasbench201", "natsbench_sss", "nds_darts", "nasbench101"):
        with pytest.raises(NaswotError, match="'nonsense'"):
            neighbourhood(SPACES[name], ["nonsense"])


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 63)
    eight = [f"{channels}:8:8:8:8" for channels in range(8, 65, 8)]
    with pytest.raises(NaswotError, match=r"natsbench_sss: too many .* differ in gene 0 alone"):
        neighbourhood(SPACES["natsbench_sss"], eight)


# --- NDS ----------------------------------------------------------------------------------------


def cell_network(normal, concat, reduce, width=16, aux=False) -> str:
    genotype = {"normal": normal, "normal_concat": concat, "reduce": reduce, "reduce_concat": [2]}
    net = {"width": width, "depth": 8, "aux": aux, "drop_prob": 0.1, "genotype": genotype}
    return json.dumps({"searchspace": "Amoeba", "net": net})


def stages(block="res_basic_block", **lists) -> str:
    inside = {"bms": [], "gws": []} | lists
    described = {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": None, "block_type": block}
    return json.dumps(described | {"ss": [1, 2], "ds": [3, 4], "ws": [32, 64]} | inside)


NODE, OTHER = [["none", 0], ["skip_connect", 1]], [["conv_1x1", 2], ["none", 0]]


def test_genes_of_networks_of_cells():
    genes = SPACES["nds_amoeba"].genes
    first, second = [0, 0, 1, 1], [6, 2, 0, 0]
    arch = cell_network(NODE + OTHER, [3], NODE, aux=True)
    assert [*genes(arch)] == [16, 8, 1, *first, 0, *first, 1, *second, 1, *[-1] * 5]
    arch = cell_network(NODE, [2], NODE)
    assert [*genes(arch)] == [16, 8, 0, *first, 1, *first, 1]


def test_genes_of_networks_of_stages():
    assert [*SPACES["nds_resnet"].genes(stages())] == [0, 16, 3, 32, 1, 0, 0, 4, 64, 2, 0, 0]
    bottlenecks = stages("res_bottleneck_block", bms=[0.25, 0.5], gws=[4, 8])
    expected = [1, 16, 3, 32, 1, 250, 4, 4, 64, 2, 500, 8]
    assert [*SPACES["nds_resnext-a"].genes(bottlenecks)] == expected


def test_a_missing_node_or_stage_is_a_choice_too():
    listed = [
        cell_network(NODE, [2], NODE),
        cell_network(NODE, [2], NODE, width=18),
        cell_network(NODE, [2], NODE, width=18),
        cell_network(NODE + OTHER, [2], NODE),
    ]
    found = neighbourhood(SPACES["nds_amoeba"], listed)
    assert found.nearest  # for the last differs in more than one gene
    assert rows(found.neighbours) == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert found.genes[:3, -10:].tolist() == [[-1] * 10] * 3
    exact = neighbourhood(SPACES["nds_amoeba"], listed[:3])
    assert rows(exact.neighbours) == [[1, 2], [0], [0]]
    shorter = stages(ss=[1], ds=[3], ws=[32])
    found = neighbourhood(SPACES["nds_resnet"], [stages(), shorter])
    assert found.genes[1].tolist() == [*found.genes[0, :7], *[-1] * 5]


def test_the_nearest_take_the_place_of_neighbours(mirror):
    space = SPACES["nasbench301"]
    genotypes = read_parquet(mirror / "nasbench301_darts_sample.parquet")["genotype"][:120]
    parts = []
    for genotype in map(json.loads, genotypes):
        edges = [value for edge in genotype["normal"] + genotype["reduce"] for value in edge]
        assert genotype["normal_concat"] == genotype["reduce_concat"] == [2, 3, 4, 5]
        parts.append(edges)
    net = {"width": 16, "depth": 8, "aux": False, "drop_prob": 0.0}
    listed = [
        json.dumps({"searchspace": "DARTS", "net": net | {"genotype": json.loads(genotype)}})
        for genotype in genotypes
    ]
    found = neighbourhood(space, listed)
    assert found.nearest
    assert found.neighbours.shape == (120, NEAREST)
    assert rows(found.neighbours) == nearest(parts)


def test_chunks_make_no_difference(monkeypatch):
    space, generator = SPACES["natsbench_sss"], random.Random(1)
    listed = generator.sample(space.architectures(), 90)
    whole = neighbourhood(space, listed)
    monkeypatch.setattr(module, "_CHUNK", 1000)
    assert (neighbourhood(space, listed).neighbours == whole.neighbours).all()


# --- NAS-Bench-101 ------------------------------------------------------------------------------


def rewritings(cell):
    """Yield all ways to write a cell: its inner vertices in any order that edges lead along."""
    last = len(cell.operations) - 1
    for inner in itertools.permutations(range(1, last)):
        order = (0, *inner, last)
        matrix = [[cell.matrix[i][j] for j in order] for i in order]
        if not any(matrix[i][j] for i in range(last + 1) for j in range(i + 1)):
            yield matrix, [cell.operations[vertex] for vertex in order]


def edits(matrix, operations):
    """Yield what becomes of a matrix and operations by one mutation, before pruning."""
    size = len(matrix)
    for i, j in itertools.combinations(range(size), 2):
        flipped = [row.copy() for row in matrix]
        flipped[i][j] = 1 - flipped[i][j]
        yield flipped, operations
    for vertex in range(1, size - 1):
        for name in cells.OPERATIONS:
            yield matrix, [*operations[:vertex], name, *operations[vertex + 1 :]]
    if size < cells.MAX_VERTICES:
        for i, j in itertools.combinations(range(size), 2):
            longer = [[*row[:j], 0, *row[j:]] for row in matrix]
            longer.insert(j, [0] * (size + 1))
            longer[i][j] = longer[j][j + 1] = 1
            for name in cells.OPERATIONS:
                yield longer, [*operations[:j], name, *operations[j:]]


def mutated(cell) -> dict[str, cells.Cell]:
    """Return all cells that are one mutation away from a pruned one, by the benchmark's hash."""
    edited = {
        cells.Cell(tuple(map(tuple, matrix)), tuple(operations))
        for written in rewritings(cell)
        for matrix, operations in edits(*written)
    }
    pruned = {cells.prune(other) for other in edited} - {None}
    within = [other for other in pruned if sum(map(sum, other.matrix)) <= cells.MAX_EDGES]
    found = {cells.module_hash(other): other for other in within}
    found.pop(cells.module_hash(cell), None)
    return found


@st.composite
def random_cells(draw):
    """Draw pruned cells of up to seven vertices and nine edges."""
    last = draw(st.integers(1, cells.MAX_VERTICES - 1))
    inner = draw(st.sets(st.integers(1, last - 1))) if last > 1 else set()
    pairs = st.sampled_from(list(itertools.combinations(range(last + 1), 2)))
    path = set(itertools.pairwise([0, *sorted(inner), last]))
    edges = path | draw(st.sets(pairs, max_size=cells.MAX_EDGES - len(path)))
    matrix = tuple(tuple(int((i, j) in edges) for j in range(last + 1)) for i in range(last + 1))
    operations = draw(st.tuples(*[st.sampled_from(cells.OPERATIONS)] * (last - 1)))
    return cells.prune(cells.Cell(matrix, ("input", *operations, "output")))


@pytest.fixture(scope="module")
def small() -> list[str]:
    """Return all cells of at most four vertices."""
    found = {}
    for size in (2, 3, 4):
        pairs = list(itertools.combinations(range(size), 2))
        for bits in itertools.product((0, 1), repeat=len(pairs)):
            matrix = [[0] * size for _ in range(size)]
            for (i, j), bit in zip(pairs, bits, strict=True):
                matrix[i][j] = bit
            for inner in itertools.product(cells.OPERATIONS, repeat=size - 2):
                cell = cells.Cell(tuple(map(tuple, matrix)), ("input", *inner, "output"))
                pruned = cells.prune(cell)
                if pruned is not None:
                    found[cells.module_hash(pruned)] = cells.to_string(pruned)
    return list(found.values())


def test_all_small_cells(small):
    assert len(small) == 1 + 6 + 84  # as many as the benchmark has
    assert len(set(invariants(small).tolist())) == len(small)
    position = {cells.canonical(arch): i for i, arch in enumerate(small)}
    found = neighbourhood(SPACES["nasbench101"], small)
    assert found.genes is None
    for arch, row in zip(small, rows(found.neighbours), strict=True):
        expected = {position.get(name) for name in mutated(cells.parse(arch))} - {None}
        assert row == sorted(expected)


@given(random_cells())
def test_all_mutations_of_a_cell_are_found(cell):
    others = mutated(cell)
    listed = [cells.to_string(other) for other in (cell, *others.values())]
    found = rows(neighbourhood(SPACES["nasbench101"], listed).neighbours)
    assert found[0] == list(range(1, len(listed)))


def rewritten(cell, data) -> str:
    matrix, operations = data.draw(st.sampled_from(list(rewritings(cell))))
    return json.dumps({"ops": operations, "matrix": matrix}, indent=data.draw(st.integers(0, 1)))


@given(random_cells(), st.data())
def test_the_invariant_does_not_depend_on_how_a_cell_is_written(cell, data):
    first, second = invariants([cells.to_string(cell), rewritten(cell, data)])
    assert first == second


@given(random_cells(), random_cells())
def test_the_invariant_tells_cells_apart(one, other):
    first, second = invariants([cells.to_string(one), cells.to_string(other)])
    assert (first == second) == (cells.module_hash(one) == cells.module_hash(other))


@given(st.data())
def test_neighbours_do_not_depend_on_how_cells_are_written(small, data):
    listed = data.draw(st.permutations(small[:30]))
    again = [rewritten(cells.parse(arch), data) for arch in listed]
    assert [*map(list, one_apart(again))] == [*map(list, one_apart(listed))]


def test_what_is_not_on_a_path_does_not_count(small):
    """A cell may be listed with dead ends; they are not there to be mutated."""
    dead = '{"matrix":[[0,1,1,0],[0,0,0,1],[0,0,0,0],[0,0,0,0]],"ops":["input",%s,%s,"output"]}'
    dead %= ('"maxpool3x3"', '"conv3x3-bn-relu"')
    alive = cells.to_string(cells.prune(cells.parse(dead)))
    place = small.index(alive)
    listed = [*small[:place], dead, *small[place + 1 :]]
    assert [*map(list, one_apart(listed))] == [*map(list, one_apart(small))]


def test_isomorphic_and_malformed_cells_are_named(small):
    with pytest.raises(NaswotError, match=r"isomorphic: list one of them") as caught:
        one_apart([*small, small[7]])
    assert small[7] in str(caught.value)
    mixed = '{"matrix":[[0,1],[0,0]],"ops":["input","maxpool3x3","output"]}'
    with pytest.raises(NaswotError, match="there are 3 operations for 2 vertices"):
        one_apart([*small, mixed])
    assert neighbourhood(SPACES["nasbench101"], []).neighbours.shape == (0, 0)


@pytest.fixture(scope="module")
def whole(mirror) -> pd.DataFrame:
    return read_mirror(mirror / "nasbench101.parquet")


def test_mutations_of_cells_of_the_benchmark(whole):
    position = dict(zip(whole["module_hash"], whole.index, strict=True))
    generator = random.Random(0)
    chosen = generator.sample(range(len(whole)), 12)
    expected = {
        i: {position[name] for name in mutated(cells.parse(whole["arch"][i]))} for i in chosen
    }
    others = set(generator.sample(range(len(whole)), 2000)).union(chosen, *expected.values())
    listed = sorted(others)
    first, second = (np.array(listed)[part] for part in one_apart(whole["arch"][listed].tolist()))
    for i, neighbours in expected.items():
        assert set(second[first == i]) == neighbours


@pytest.mark.slow
def test_the_whole_benchmark(whole):
    architectures = whole["arch"].tolist()
    assert len(np.unique(invariants(architectures))) == cells.SIZE
    first, second = one_apart(architectures)
    counts = np.bincount(first, minlength=cells.SIZE)
    assert (counts.min(), np.median(counts), counts.max()) == (3, 17, 84)
    # All is done and undone by one mutation, but where vertices were pruned.
    vertices = whole["arch"].str.count(r"\[").to_numpy() - 2
    there, back = first * cells.SIZE + second, np.sort(second * cells.SIZE + first)
    one_way = ~np.isin(there, back, assume_unique=True)
    assert (vertices[second] < vertices[first])[one_way].all()
    position = dict(zip(whole["module_hash"], whole.index, strict=True))
    for i in random.Random(1).sample(range(cells.SIZE), 40):
        neighbours = {position[name] for name in mutated(cells.parse(architectures[i]))}
        assert set(second[first == i]) == neighbours


# --- custom spaces ------------------------------------------------------------------------------

GENES = "def build(arch): ...\ndef genes(arch):\n    kind, width = arch.split('-')\n"
CUSTOM = ["plain-8", "plain-16", "wide-8", "wide-64", "wide-16"]


@pytest.fixture
def custom(tmp_path):
    """Return a function that makes a space with `CUSTOM`."""

    def make(code: str):
        networks, accuracies = tmp_path / "space.py", tmp_path / "mine.csv"
        networks.write_text(code)
        accuracies.write_text(
            "\n".join(["arch,a/test/1", *(f"{arch},{len(arch)}" for arch in CUSTOM)])
        )
        about = {"networks": str(networks), "accuracies": str(accuracies)}
        return catalogue_of({"mine": about})["mine"].space

    return make


@pytest.mark.parametrize("returned", ["(kind, int(width))", "[kind, float(width)]"])
def test_genes_of_a_custom_space_are_counted_in_order(custom, returned):
    found = neighbourhood(custom(f"{GENES}    return {returned}"), CUSTOM)
    assert found.genes.tolist() == [[0, 0], [0, 1], [1, 0], [1, 2], [1, 1]]
    assert rows(found.neighbours) == [[1, 2], [0, 4], [0, 3, 4], [2, 4], [1, 2, 3]]


def test_choices_may_be_of_different_kinds(custom):
    found = neighbourhood(
        custom(f"{GENES}    return (None if width == '64' else int(width),)"), CUSTOM
    )
    assert found.genes.ravel().tolist() == [2, 1, 2, 0, 1]
    assert not found.nearest


def test_a_custom_space_without_genes_has_no_neighbours(custom):
    space = custom("def build(arch): ...")
    assert space.genes is None
    found = neighbourhood(space, CUSTOM)
    assert (found.neighbours.shape, found.genes) == ((5, 0), None)
    for unsound in ("def genes(arch", "import no_such_module", "print(genes)"):
        assert custom(unsound).genes is None


@pytest.mark.parametrize("code", ["from choices import genes", "genes = lambda arch: [*arch[:5]]"])
def test_genes_may_be_defined_in_any_way(custom, tmp_path, code):
    (tmp_path / "choices.py").write_text("genes = list")
    assert custom(code).genes("plain") == tuple("plain")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("arch / 2", r"space\.py: genes\('plain-8'\) failed \(TypeError: unsupported"),
        ("arch", r"space\.py: genes\('plain-8'\) failed .* returned 'plain-8', not a tuple"),
        ("()", r"genes\('plain-8'\) failed .* returned \(\), not a tuple or list"),
        ("(kind, [width])", r"genes\('plain-8'\) failed .*unhashable"),
        (
            "tuple(width)",
            r"space\.py: genes\('plain-16'\) has 2 choices, but genes\('plain-8'\) 1\.",
        ),
    ],
)
def test_mistakes_in_genes_are_named(custom, returned, message):
    space = custom(f"{GENES}    return {returned}")
    with pytest.raises(NaswotError, match=message):
        neighbourhood(space, CUSTOM)


def test_the_example_has_genes(root):
    networks = root / "examples/custom_space/space.py"
    names: dict = {}
    exec(compile(networks.read_text(), str(networks), "exec"), names)
    assert names["genes"]("d3-w16-k5") == (3, 16, 5)


# --- files --------------------------------------------------------------------------------------


def written(tmp_path, arch, index=None, **columns) -> str:
    path = str(tmp_path / "benchmark.parquet")
    index = np.arange(len(arch), dtype=np.int32) if index is None else index
    frame = pd.DataFrame({"index": index, "arch": arch} | columns)
    write_parquet(frame, path, {"space": "any", "source": "a test"})
    return path


def test_neighbours_are_written_as_official_indices(tmp_path, caplog):
    caplog.set_level(logging.INFO, "naswot")
    listed = ["8:8:8:8:8", "8:8:8:8:16", "8:8:8:8:24", "8:8:8:16:8"]
    benchmark, output = written(tmp_path, listed, [4, 9, 2, 7]), tmp_path / "n.parquet"
    find_neighbours(benchmark, output, space=SPACES["natsbench_sss"])
    table = pd.read_parquet(output)
    assert table["index"].tolist() == [4, 9, 2, 7]
    assert [list(row) for row in table["neighbours"]] == [[9, 2, 7], [4, 2], [4, 9], [4]]
    assert table["genes"][3].tolist() == [0, 0, 0, 1, 0]
    metadata = read_metadata(output)
    assert metadata["neighbours"] == "one mutation apart"
    assert (metadata["space"], metadata["accuracies"]) == ("natsbench_sss", "a test")
    assert "4 architectures; neighbours are one mutation apart: 1 to 3" in caplog.text
    index, neighbours, genes = read_neighbours(output)
    assert index.tolist() == [4, 9, 2, 7]
    assert neighbours.tolist() == [[1, 2, 3], [0, 2, -1], [0, 1, -1], [0, -1, -1]]
    assert genes.tolist() == [[0] * 5, [0, 0, 0, 0, 1], [0, 0, 0, 0, 2], [0, 0, 0, 1, 0]]


def test_a_table_without_architectures_is_named(tmp_path):
    benchmark = written(tmp_path, [])
    with pytest.raises(NaswotError, match=r"benchmark\.parquet has no architecture"):
        find_neighbours(benchmark, tmp_path / "n.parquet", space=SPACES["nasbench101"])


def test_a_space_without_mutations_has_empty_rows(tmp_path, custom):
    space = custom("def build(arch): ...")
    find_neighbours(written(tmp_path, CUSTOM), tmp_path / "n.parquet", space=space)
    index, neighbours, genes = read_neighbours(tmp_path / "n.parquet")
    assert (index.tolist(), neighbours.shape, genes) == ([0, 1, 2, 3, 4], (5, 0), None)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"index": [1]}, "has no column 'neighbours'"),
        ({"index": [1, 2], "neighbours": [[2], [5]]}, "neighbours without a row"),
        ({"index": [1, 4], "neighbours": [[2], [1]]}, "neighbours without a row"),
    ],
)
def test_damaged_files_are_named(tmp_path, table, message):
    write_parquet(pd.DataFrame(table), tmp_path / "n.parquet", {})
    with pytest.raises(NaswotError, match=rf"n\.parquet.* {message}"):
        read_neighbours(tmp_path / "n.parquet")
