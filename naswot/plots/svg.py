"""Write a diagram as a short, self-contained SVG, readable on light and on dark pages."""

import re
from html import escape

from naswot.plots.palette import FILLS, ink
from naswot.plots.placing import FONT, LINE, Box, Curve, Placed, place
from naswot.spaces.graph import NONE, Diagram

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
UNUSED = ' stroke-dasharray="3 2" opacity=".45"'
ABSENT = ' stroke-dasharray="1 3" opacity=".6"'


def svg(diagram: Diagram, title: str | None = None, *, shared: bool = False) -> str:
    """Return a diagram as one `<svg>` element.

    Args:
        diagram: the diagram.
        title: text for screen readers and tooltips; by default the space and the architecture.
        shared: whether to include, with captions, parts that are equal in the whole space.
    """
    if title is None:
        title = f"{diagram.title}: {diagram.arch}"
        title = title if len(title) <= 160 else f"{title[:159]}…"
    placed, name = place(diagram, shared), escape(title)
    width, height = _number(placed.width), _number(placed.height)
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{name}" '
        f'font-family="sans-serif" font-size="{FONT:g}" text-anchor="middle" fill="currentColor">'
        f"<title>{name}</title>{_curves(placed)}{_boxes(placed)}{_captions(placed)}</svg>"
    )
    return NOT_XML.sub("\ufffd", text)


def _curves(placed: Placed) -> str:
    groups: dict[str, str] = {}
    headed = set()  # points with an arrow head: where several edges end, one is drawn
    for curve in placed.curves:
        dashes = _dashes(curve)
        end = (dashes, curve.points[-1])
        groups[dashes] = groups.get(dashes, "") + _path(curve, curve.arrow and end not in headed)
        headed.add(end)
    return "".join(
        f'<path d="{path}" fill="none" stroke="currentColor"{dashes}/>'
        for dashes, path in groups.items()
    )


def _dashes(part: Curve | Box) -> str:
    return ABSENT if part.kind == NONE else "" if part.used else UNUSED


def _path(curve: Curve, arrow: bool) -> str:
    """Return an M command, relative h and c commands, and with `arrow` a head of two strokes."""
    (x, y), *others = ((round(right), round(down)) for right, down in curve.points)
    path, level = f"M{x} {y}", 0
    for right, down in others:
        across, by = right - x, down - y
        if not by:
            level += across  # level stretches in a row are one
        else:
            bend = f"c{across // 2} 0 {across // 2} {by} {across} {by}".replace(" -", "-")
            path += (f"h{level}" if level else "") + bend
            level = 0
        x, y = right, down
    return path + (f"h{level}" if level else "") + ("m-4-3 4 3-4 3" if arrow else "")


def _boxes(placed: Placed) -> str:
    shapes: dict[str, str] = {}
    texts: dict[str, str] = {}
    for box in placed.boxes:
        fill = FILLS.get(box.kind) if box.used else None
        style = f' fill="{fill or "none"}"'
        if box.kind == NONE:
            style = ""  # only its name, on the dotted edge
        elif not fill:
            style += ' stroke="currentColor"' + _dashes(box)
        if style:
            shapes[style] = shapes.get(style, "") + _shape(box)
        colour = f' fill="{ink(fill)}"' if fill else ' opacity=".6"' if not box.used else ""
        y = box.y - (len(box.lines) - 1) * LINE / 2 + 0.35 * FONT
        for number, line in enumerate(box.lines):
            where = f'x="{_number(box.x)}" y="{_number(y + number * LINE)}"'
            texts[colour] = texts.get(colour, "") + f"<text {where}>{escape(line)}</text>"
    drawn = "".join(f'<path d="{path}"{style}/>' for style, path in shapes.items())
    return drawn + "".join(
        f"<g{colour}>{words}</g>" if colour else words for colour, words in texts.items()
    )


def _shape(box: Box) -> str:
    left, top = _number(box.x - box.width / 2), _number(box.y - box.height / 2)
    width, height = _number(box.width), _number(box.height)
    return f"M{left} {top}h{width}v{height}h-{width}z"


def _captions(placed: Placed) -> str:
    return "".join(
        f'<text x="{_number(caption.x)}" y="{_number(caption.y)}" text-anchor="start" '
        f'font-weight="bold">{escape(caption.text)}{_note(caption.note)}</text>'
        for caption in placed.captions
    )


def _note(note: str) -> str:
    look = 'dx="7" font-size=".85em" font-weight="normal"'
    return f"<tspan {look}>{escape(note)}</tspan>" if note else ""


def _number(value: float) -> str:
    return f"{value:.0f}"
