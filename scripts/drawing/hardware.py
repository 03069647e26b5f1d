"""Buckles, zips and the metal that bags are fitted with."""

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import Cloth, Style, metal
from scripts.drawing.curves import Point, Points, box, path, ribbon
from scripts.drawing.palette import BRASS, STEEL


def fittings(style: Style) -> Cloth:
    warm = style.colour in {"brown", "beige", "black", "red", "green", "yellow"}
    return metal(BRASS if warm else STEEL)


def buckle(canvas: Canvas, cloth: Cloth, at: Point, size: tuple[float, float]) -> None:
    """A frame with its pin, centred on ``at``."""
    (x, y), (width, height) = at, size
    canvas.fill(
        box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, 3),
        cloth,
        holes=[box(x - width / 2 + 3, y - height / 2 + 3, x + width / 2 - 3, y + height / 2 - 3)],
        reach=3,
        drop=0.4,
    )
    canvas.fill(ribbon(path((x, y - height / 2), (x, y + height / 2)), 2.4), cloth, reach=2, drop=0.3)


def zip_line(canvas: Canvas, line: Points, pull: tuple[float, float]) -> None:
    canvas.seam(line, depth=0.6, width=6)
    canvas.stroke(line, (0.66, 0.66, 0.69), 2.6, dash=(2, 1.6))
    canvas.fill(box(pull[0] - 3, pull[1], pull[0] + 3, pull[1] + 18, 2), metal(STEEL), reach=3, drop=0.4)
