"""Architectures as diagrams: what they say is so, and nothing is drawn over anything."""

import itertools
import json
import pkgutil
import re
from xml.etree import ElementTree

import pytest
import torch
from architectures import MACRO, MICRO, TOPOLOGY, VERTICES, basics, bottlenecks, cells
from hypothesis import given, settings
from hypothesis import strategies as st

from naswot.errors import NaswotError
from naswot.plots import drawing, figure8, writing
from naswot.plots.placing import place, place_cell
from naswot.plots.rows import arrange, crossings
from naswot.plots.svg import svg
from naswot.spaces import SPACES
from naswot.spaces.diagrams import diagram_of, spaces_of
from naswot.spaces.graph import Block, Cell, Diagram, Edge, Node
from naswot.spaces.nasbench201.cells import architectures
from naswot.spaces.nds.genotypes import OPERATIONS
from naswot.spaces.space import Later

CELLS = cells(operations=OPERATIONS, depth=7)
EXAMPLES = (
    ("nasbench201", TOPOLOGY),
    ("natsbench_sss", "8:64:24:16:40"),
    ("nasbench101", VERTICES),
    ("nds_darts", json.dumps(CELLS)),
    ("nds_darts", json.dumps(cells(depth=1))),
    ("nds_pnas_in", json.dumps(cells("PNAS_in"))),
    ("nds_resnext-b", json.dumps(bottlenecks())),
    ("nds_resnet", json.dumps(basics())),
    ("nds_vanilla", json.dumps(basics("vanilla_block"))),
    ("transnas_micro", MICRO),
    ("transnas_macro", MACRO),
)


@st.composite
def graphs(draw):
    """Draw a cell of up to eight nodes; any node may be an input or an output."""
    size = draw(st.integers(2, 8))
    pairs = list(itertools.combinations(range(size), 2))
    kinds = st.sampled_from(["input", "output", "sum", "conv"])
    nodes = tuple(Node(f"n{i}", draw(kinds)) for i in range(size))
    looks = st.sampled_from([("", ""), ("none", "none"), ("dil sep 3×3", "dilated")])
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=12))
    return Cell("Cell", nodes, tuple(Edge(*pair, *draw(looks)) for pair in chosen))


# --- what diagrams say -------------------------------------------------------------------------


def outputs(network, size):
    """Return the channels and the pixels a side that each layer of the skeleton puts out."""
    found = []
    stem = getattr(network, "stem", None)
    layers = [stem, *network.cells] if stem is not None else list(getattr(network, "layers", []))
    if not layers:  # an AnyNet: convolution, normalisation, ReLU, blocks, pooling, …
        layers = list(network)[2:-3]

    def record(_, __, output):
        output = output[-1] if isinstance(output, tuple) else output
        found.append((output.shape[1], output.shape[2]))

    for layer in layers:
        layer.register_forward_hook(record)
    classes = network(torch.zeros(2, 3, size, size, device="meta")).shape[1]
    return [*found, (found[-1][0], None), (classes, None)]


@pytest.mark.parametrize(("space", "arch"), EXAMPLES)
def test_the_skeleton_is_that_of_the_network(space, arch):
    with torch.device("meta"):
        network = SPACES[space].build(arch, 10)
    skeleton = diagram_of(SPACES[space], arch).skeleton
    drawn = [(block.channels, block.size) for block in skeleton for _ in range(block.repeat)]
    sizes = {"nds_pnas_in": 224, "transnas_micro": 256, "transnas_macro": 256}
    assert drawn == outputs(network, sizes.get(space, 32))


def test_operations_stand_on_the_edges_of_nasbench201():
    (cell,) = diagram_of(SPACES["nasbench201"], TOPOLOGY).cells
    assert [(edge.source, edge.target, edge.label) for edge in cell.edges] == [
        (0, 1, "conv 3×3"), (0, 2, "none"), (1, 2, "avg 3×3"),
        (0, 3, "none"), (1, 3, "conv 1×1"), (2, 3, "none"),
    ]  # fmt: skip
    assert cell.used() == ({0, 1, 3}, {0, 4})


def test_operations_stand_on_the_nodes_of_nasbench101():
    (cell,) = diagram_of(SPACES["nasbench101"], VERTICES).cells
    assert [node.label for node in cell.nodes] == ["in", "conv 3×3", "max 3×3", "conv 1×1", "out"]
    matrix = json.loads(VERTICES)["matrix"]
    assert {(edge.source, edge.target) for edge in cell.edges} == {
        (i, j) for i in range(5) for j in range(5) if matrix[i][j]
    }
    assert cell.used()[0] == {0, 1, 3, 4}  # the pooling leads nowhere


def test_a_cell_of_nds_has_two_inputs_and_concatenates():
    genotype = CELLS["net"]["genotype"]
    normal, reduce = diagram_of(SPACES["nds_darts"], json.dumps(CELLS)).cells
    assert (normal.name, reduce.name) == ("Normal cell", "Reduction cell")
    last = len(normal.nodes) - 1
    inner = [edge for edge in normal.edges if edge.target != last]
    assert [[edge.source, edge.target] for edge in inner] == [
        [source, 2 + i // 2] for i, (_, source) in enumerate(genotype["normal"])
    ]
    ends = [edge.source for edge in normal.edges if edge.target == last]
    assert ends == genotype["normal_concat"]


def test_groups_and_inner_channels_stand_in_the_stages():
    skeleton = diagram_of(SPACES["nds_resnext-a"], json.dumps(bottlenecks())).skeleton
    notes = [block.note for block in skeleton]
    assert notes == ["", "8 inside, 2 groups", "8 inside, 4 groups", "", ""]


@given(graphs())
def test_used_is_what_lies_on_a_path_from_an_input_to_an_output(cell):
    nodes, edges = set(), set()

    def walk(path, passed):
        if cell.nodes[path[-1]].kind == "output":
            nodes.update(path)
            edges.update(passed)
        for i, edge in enumerate(cell.edges):
            if edge.source == path[-1] and edge.kind != "none":
                walk([*path, edge.target], [*passed, i])

    for i, node in enumerate(cell.nodes):
        if node.kind == "input":
            walk([i], [])
    assert cell.used() == (nodes, edges)


def test_an_edge_that_leads_backwards_is_refused():
    nodes = (Node("in", "input"), Node("out", "output"))
    with pytest.raises(NaswotError, match="Cell: an edge leads from node 1 to node 0 of 2"):
        Cell("Cell", nodes, (Edge(1, 0),))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_what_a_space_imports_later_is_there(space):
    assert space.diagram is not None
    for function in (space.diagram, space.neighbours):
        if isinstance(function, Later):
            assert callable(pkgutil.resolve_name(function.name))


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        ("nasbench201", "|none~0|", "is not a NAS-Bench-201 cell"),
        ("nasbench101", '{"matrix":', "is not a NAS-Bench-101 cell"),
        ("natsbench_sss", "8:8", "is not a NATS-Bench size architecture"),
        ("nasbenchmacro", "0120120", "is not an architecture of NAS-Bench-Macro"),
        ("transnas_micro", MACRO, "its modules are '421331' instead of 41414"),
        ("nds_enas", json.dumps(CELLS), "is not an architecture of nds_enas"),
    ],
)
def test_a_malformed_architecture_is_explained(space, arch, message):
    with pytest.raises(NaswotError, match=message):
        diagram_of(SPACES[space], arch)


@pytest.mark.parametrize(
    ("arch", "spaces"),
    [
        (TOPOLOGY, ["nasbench201"]),
        ("8:64:24:16:40", ["natsbench_sss"]),
        ("01201201", ["nasbenchmacro"]),
        (VERTICES, ["nasbench101"]),
        (json.dumps(CELLS), ["nds_darts", "nasbench301"]),
        (json.dumps(cells("PNAS_in")), ["nds_pnas_in"]),
        (json.dumps(bottlenecks()), ["nds_resnext-a", "nds_resnext-b"]),
        (json.dumps(basics()), ["nds_resnet"]),
        (MICRO, ["transnas_micro"]),
        (MACRO, ["transnas_macro"]),
    ],
)
def test_the_space_is_known_by_the_form(arch, spaces):
    assert spaces_of(arch) == spaces


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("|none~0|", "is not a NAS-Bench-201 cell"),
        ("8:9:8:8:8", "'9' is not one of 8, 16"),
        ("01201203", "the digit of layer 8 is '3'"),
        ('{"matrix": 3}', "is not a NAS-Bench-101 cell"),
        ('{"searchspace": 3}', "it has no key 'net'"),
        ('{"block_type": 3}', "it has no key 'stem_type'"),
        ("64-41414-4_00_000", "'4' in the cell '4_00_000' is not one of 0"),
        ("64-7-basic", "'7' in '7' is not a kind of module"),
        ("resnet19", "not an architecture of any space"),
        ("", "not an architecture of any space"),
    ],
)
def test_what_is_of_no_space_is_explained_by_what_it_looks_like(arch, message):
    with pytest.raises(NaswotError, match=message):
        spaces_of(arch)


# --- where things go ---------------------------------------------------------------------------


def curve_points(curve):
    """Return points along a curve: Béziers with level ends, as both renderers draw them."""
    for (x, y), (there, down) in itertools.pairwise(curve.points):
        for share in (i / 20 for i in range(21)):
            rest, middle = 1 - share, (x + there) / 2
            weights = rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3
            yield (
                sum(w * v for w, v in zip(weights, (x, middle, middle, there), strict=True)),
                sum(w * v for w, v in zip(weights, (y, y, down, down), strict=True)),
            )


@settings(deadline=None)
@given(graphs())
def test_nothing_is_drawn_over_a_node_or_an_operation(cell):
    placed = place_cell(cell)
    for one, other in itertools.combinations(placed.boxes, 2):
        apart = max(
            abs(one.x - other.x) - (one.width + other.width) / 2,
            abs(one.y - other.y) - (one.height + other.height) / 2,
        )
        assert apart > 2
    for curve in placed.curves:
        for x, y in curve_points(curve):
            for box in placed.boxes:
                inside = abs(x - box.x) - box.width / 2, abs(y - box.y) - box.height / 2
                assert max(inside) > -1e-6
            assert 0 <= x <= placed.width
            assert 0 <= y <= placed.height
    assert all(box.x + box.width / 2 <= placed.width for box in placed.boxes)
    assert all(box.y + box.height / 2 <= placed.height for box in placed.boxes)


@settings(deadline=None)
@given(graphs())
def test_edges_lead_from_left_to_right_from_their_source_to_their_target(cell):
    found = arrange(
        tuple(cell.layers), tuple((edge.source, edge.target, False) for edge in cell.edges)
    )
    column = {vertex: i for i, one in enumerate(found.columns) for vertex in one}
    for edge, path in zip(cell.edges, found.paths, strict=True):
        assert (path[0], path[-1]) == (edge.source, edge.target)
        assert [column[vertex] for vertex in path] == list(
            range(column[edge.source], column[edge.target] + 1)
        )


def test_cells_that_can_be_drawn_without_crossings_are():
    for arch, space in ((TOPOLOGY, "nasbench201"), (figure8.EXAMPLES[0][1], "nasbench101")):
        (cell,) = diagram_of(SPACES[space], arch).cells
        edges = tuple((edge.source, edge.target, bool(edge.label)) for edge in cell.edges)
        found = arrange(tuple(cell.layers), edges)
        links = [pair for path in found.paths for pair in itertools.pairwise(path)]
        assert crossings(found.columns, links) == 0
    # Two edges that change sides, in the order in which they are written.
    assert crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)]) == 1


# --- SVG ---------------------------------------------------------------------------------------


def texts(picture):
    return ["".join(one.itertext()) for one in picture.iter() if one.tag.endswith("}text")]


@pytest.mark.parametrize(("space", "arch"), EXAMPLES)
def test_an_svg_stands_alone_and_has_every_label(space, arch):
    diagram = diagram_of(SPACES[space], arch)
    text = svg(diagram, shared=True)
    assert not re.search(r"href|url\(|<style|<script|<image|id=", text)
    picture = ElementTree.fromstring(text)
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == picture[0].text
    assert picture[0].tag.endswith("}title")
    assert diagram.title in picture[0].text
    found = texts(picture)
    for cell in diagram.cells:
        labels = [part.label for part in (*cell.nodes, *cell.edges) if part.label]
        assert set(labels) <= set(found)
        assert any(one.startswith(cell.name) for one in found)
    for block in diagram.skeleton:
        assert any(one.endswith(block.label) for one in found)


@given(st.text())
def test_any_title_makes_a_well_formed_svg(title):
    picture = ElementTree.fromstring(svg(diagram_of(SPACES["nasbench201"], TOPOLOGY), title))
    assert picture.get("role") == "img"
    if title.isprintable():
        assert picture[0].text in (title, None)


def test_an_svg_of_a_cell_is_small():
    sizes = [
        len(svg(diagram_of(SPACES["nasbench201"], arch), title="cell 6111").encode())
        for arch in architectures()[::100]
    ]
    assert max(sizes) < 1700


def test_only_what_varies_is_drawn_unless_all_is_asked_for():
    sizes = diagram_of(SPACES["natsbench_sss"], "8:64:24:16:40")
    assert "40 @ 8²" in texts(ElementTree.fromstring(svg(sizes)))
    assert "conv 3×3" not in svg(sizes)
    topology = diagram_of(SPACES["nasbench201"], TOPOLOGY)
    assert "stem" not in svg(topology)
    assert "stem" in svg(topology, shared=True)


def test_none_is_dotted_and_what_is_not_used_is_dashed():
    picture = ElementTree.fromstring(svg(diagram_of(SPACES["nasbench201"], TOPOLOGY)))
    dashes = {one.get("stroke-dasharray") for one in picture.iter() if one.tag.endswith("}path")}
    assert dashes == {None, "1 3", "3 2"}
    full = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|" + (
        "+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"
    )
    assert "dasharray" not in svg(diagram_of(SPACES["nasbench201"], full))


# --- pictures ----------------------------------------------------------------------------------


@pytest.fixture
def extents(monkeypatch):
    """Return a list that receives the text, and where it is, of all texts of saved figures."""
    found = []

    def record(figure, outputs):
        figure.canvas.draw()
        for text in figure.findobj(drawing.plt.Text):
            if text.get_text():
                found.append((text.get_text(), text.get_window_extent(), figure.bbox))
        save(figure, outputs)

    save = drawing.save
    monkeypatch.setattr(drawing, "save", record)
    monkeypatch.setattr(writing, "save", record)
    return found


def assert_apart(extents):
    for (text, one, whole), (other, two, _) in itertools.combinations(extents, 2):
        width = min(one.x1, two.x1) - max(one.x0, two.x0)
        height = min(one.y1, two.y1) - max(one.y0, two.y0)
        assert min(width, height) < 1, (text, other)
        assert one.x0 >= -1, text
        assert one.x1 <= whole.x1 + 1, text


def test_figure_8_needs_no_data_and_its_texts_keep_apart(extents, tmp_path):
    outputs = [tmp_path / "figure8.png", tmp_path / "figure8.pdf"]
    writing.plot_figure("figure8", {}, outputs, {})
    assert outputs[0].read_bytes()[:4] == b"\x89PNG"
    assert outputs[1].read_bytes()[:4] == b"%PDF"
    found = [text for text, *_ in extents]
    for letter, name in zip("abcd", ("101", "201", "SSS", "DARTS"), strict=True):
        assert any(text.startswith(f"({letter}) ") and name in text for text in found)
    assert_apart(extents)


@pytest.mark.parametrize(("space", "arch"), EXAMPLES[3:7:3])
def test_the_texts_of_a_picture_keep_apart(space, arch, extents, tmp_path):
    drawing.diagram_file(diagram_of(SPACES[space], arch), tmp_path / "drawn.png")
    assert len(extents) > 20
    assert_apart(extents)


def test_labels_fit_into_their_boxes_in_the_picture(extents, tmp_path):
    diagram = diagram_of(SPACES["nds_darts"], json.dumps(CELLS))
    drawing.diagram_file(diagram, tmp_path / "drawn.png")
    pixels = drawing.POINTS * drawing.plt.rcParams["figure.dpi"] / 72
    widths = {line: box.width for box in place(diagram).boxes for line in box.lines}
    checked = [
        text for text, extent, _ in extents
        if text in widths and extent.width <= pixels * widths[text]
    ]  # fmt: skip
    assert set(checked) == set(widths)


def test_a_diagram_without_cells_is_its_skeleton():
    skeleton = (Block("stem", "stem", 8, 32), Block("linear", "head", 10, None))
    assert "8 @ 32²" in svg(Diagram("Mine", "a", (), skeleton))
