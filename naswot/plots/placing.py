"""Compute the layout of a diagram: cells in columns from left to right, after Sugiyama (1981).

The column of a node is the length of its longest path from the input. An operation on an edge is
placed like a node, in a column between those of nodes, and an edge that passes a column gets a
position in it, so that nothing overlaps. The order within columns has the fewest crossings found,
and long edges are straightened. All lengths are in units in which the font size is `FONT`.
"""

from dataclasses import dataclass

from naswot.plots.rows import arrange
from naswot.spaces.graph import Block, Cell, Diagram

FONT = 9.0
GAP = 15.0  # distance of columns, where edges bend
LINE = 11.0  # distance of two lines of text
PILL = 15.0  # height of an operation
MARGIN = 4.0
SKELETON_GAP = 9.0
LIMIT = 640.0  # maximum width of a row of cells

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box with text; `x` and `y` are the coordinates of its centre, and y grows downwards."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    kind: str
    used: bool = True

    def moved(self, x: float, y: float) -> "Box":
        """Return the box at a shifted position."""
        return Box(
            self.x + x, self.y + y, self.width, self.height, self.lines, self.kind, self.used
        )


@dataclass(frozen=True)
class Curve:
    """An edge through `points`, horizontal at each: a line, or an S where the height changes.

    `arrow` is set if it ends at a node, not at an operation.
    """

    points: tuple[Point, ...]
    kind: str
    used: bool = True
    arrow: bool = True

    def moved(self, x: float, y: float) -> "Curve":
        """Return the curve at a shifted position."""
        points = tuple((here + x, there + y) for here, there in self.points)
        return Curve(points, self.kind, self.used, self.arrow)


@dataclass(frozen=True)
class Caption:
    """A heading that starts at `x`, and a smaller note after it; `y` is the baseline."""

    x: float
    y: float
    text: str
    note: str = ""


@dataclass(frozen=True)
class Placed:
    """A drawing with the positions of all its parts, from (0, 0) to (width, height)."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    captions: tuple[Caption, ...] = ()


def text_width(text: str) -> float:
    """Return the maximum width of a line of text in common sans-serif fonts."""
    return 0.6 * FONT * len(text)


def place_cell(cell: Cell) -> Placed:
    """Return the layout of a cell."""
    found = arrange(
        tuple(cell.layers), tuple((one.source, one.target, bool(one.label)) for one in cell.edges)
    )
    used_nodes, used_edges = cell.used()
    texts = [node.label for node in cell.nodes]
    looks = [(node.kind, i in used_nodes) for i, node in enumerate(cell.nodes)]
    for number, vertex in enumerate(found.operations):
        if vertex is not None:
            edge = cell.edges[number]
            texts.append(edge.label)
            looks.append((edge.kind, number in used_edges))
    widths = [max(PILL, text_width(text) + 8) for text in texts]
    left, right, x = [], [], MARGIN
    for column in found.columns:
        width = max((widths[vertex] for vertex in column if vertex < len(widths)), default=0.0)
        left.append(x)
        right.append(x + width)
        x += width + GAP
    up = min(found.rows) - PILL / 2 - MARGIN
    column_of = {vertex: i for i, column in enumerate(found.columns) for vertex in column}
    boxes = []
    for vertex, (text, look) in enumerate(zip(texts, looks, strict=True)):
        i = column_of[vertex]
        middle = (left[i] + right[i]) / 2
        boxes.append(Box(middle, found.rows[vertex] - up, widths[vertex], PILL, (text,), *look))

    def side(vertex: int, sign: int) -> list[Point]:
        """Return the points of an edge at a vertex and at the border of its column."""
        i, y = column_of[vertex], found.rows[vertex] - up
        border = ((left if sign < 0 else right)[i], y)
        if vertex >= len(boxes):
            return [border]
        return [(boxes[vertex].x + sign * boxes[vertex].width / 2, y), border]

    curves = []
    for number, path in enumerate(found.paths):
        edge, used = cell.edges[number], number in used_edges
        points = side(path[0], 1)
        for vertex in path[1:]:
            points += reversed(side(vertex, -1))
            if vertex < len(boxes):  # an operation, or the end
                arrow = vertex == edge.target
                curves.append(Curve(tuple(points), edge.kind, used, arrow))
                points = []
            points += side(vertex, 1)
    height = max(found.rows) - min(found.rows) + PILL + 2 * MARGIN
    return Placed(x - GAP + MARGIN, height, tuple(boxes), tuple(curves))


def place_skeleton(skeleton: tuple[Block, ...]) -> Placed:
    """Return the layout of a skeleton: blocks in one row, output shapes below their names."""
    curves, boxes, x = [], list[Box](), MARGIN
    depth = 3 if any(block.note for block in skeleton) else 2
    height = depth * LINE + 6
    for block in skeleton:
        times = f"{block.repeat}× " if block.repeat > 1 else ""
        shape = f"{block.channels}" if block.size is None else f"{block.channels} @ {block.size}²"
        lines = (f"{times}{block.label}", shape, *([block.note] if block.note else []))
        width = max(map(text_width, lines)) + 8
        if boxes:
            y = MARGIN + height / 2
            curves.append(Curve(((x - SKELETON_GAP, y), (x, y)), ""))
        boxes.append(
            Box(x + width / 2, MARGIN + height / 2, width, height, lines, f"block {block.kind}")
        )
        x += width + SKELETON_GAP
    return Placed(x - SKELETON_GAP + MARGIN, height + 2 * MARGIN, tuple(boxes), tuple(curves))


def _caption_width(name: str, note: str) -> float:
    return text_width(name) + 0.85 * text_width(note) + 3 * MARGIN


def place(diagram: Diagram, shared: bool = True) -> Placed:
    """Return the layout of a diagram: the skeleton at the top, the cells side by side below it.

    Args:
        diagram: the diagram.
        shared: whether to include, with captions, parts that are equal in the whole space.
    """
    parts: list[tuple[str, str, Placed]] = []
    if shared or "skeleton" in diagram.varies:
        skeleton = place_skeleton(diagram.skeleton)
        parts.append(("Skeleton: channels @ pixels²", diagram.note, skeleton))
    if shared or "cells" in diagram.varies:
        parts += [(cell.name, cell.note, place_cell(cell)) for cell in diagram.cells]
    heading = LINE + 2 if shared or len(parts) > 1 else 0.0
    boxes, curves, captions = [], [], []
    x = top = bottom = right = 0.0
    room = 0.0  # width left in the row; beside a skeleton there is no room for a cell
    for name, note, part in parts:
        note = note if shared else ""
        width = max(part.width, _caption_width(name, note)) if heading else part.width
        if width > room:
            x, top, room = 0.0, bottom, LIMIT
        if heading:
            captions.append(Caption(x + MARGIN, top + heading - 2, name, note))
        boxes += [box.moved(x, top + heading) for box in part.boxes]
        curves += [curve.moved(x, top + heading) for curve in part.curves]
        right, bottom = max(right, x + width), max(bottom, top + heading + part.height)
        x += width + GAP
        room = LIMIT - x
    return Placed(right, bottom, tuple(boxes), tuple(curves), tuple(captions))
