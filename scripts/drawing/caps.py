"""Caps, from the front and a little from the side, the peak to the right; from behind, with the strap."""

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import STEEL, Style
from scripts.drawing.shapes import box, ellipse, mirrored, path, ribbon


def cap(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    if view == "back":
        _back(canvas, style)
        return
    trucker = cut == "trucker cap"
    top = -142 if trucker else -128
    crown = path(
        (-146, 66), (-160, top + 68, -86, top, -4, top), (86, top, 128, -66, 126, 46), (60, 92, -60, 104, -146, 66)
    )
    canvas.fill(crown, style.second if trucker else style.panelled, reach=44, swell=1.3, drop=0)
    if trucker:
        for x in range(-135, 30, 15):  # the mesh
            canvas.seam(path((x - 6, 92), (x - 30, 0, x + 40, -130)), depth=0.12, width=1.4)
    front = path((8, top), (86, top, 128, -66, 126, 46), (70, 82, 20, 92, -28, 90), (-20, 20, -30, top + 58, 8, top))
    canvas.fill(front, style.panelled, reach=36, swell=1.1)
    for bend, end in (((-30, -60), (-28, 92)), ((74, -90), (84, 74)), ((-120, -90), (-106, 84))):
        canvas.seam(path((3, top), (*bend, *end)), stitch=0 if trucker else 3.2)
    for x, y in ((-76, -50), (30, -62), (100, -22)):
        canvas.fill(ellipse(x, y, 4.5), style.inside, reach=2, drop=0)
    canvas.fill(ellipse(0, top - 1, 11, 6), style.trim, reach=5)
    curved = ((190, 46, 214, 92, 196, 108), (150, 92, 60, 112, -8, 122))
    flat = ((176, 40, 206, 66, 206, 84), (180, 112, 40, 130, -22, 112))
    brim = path(
        (-40, 76), (40, 84, 106, 60, 126, 28), *(flat if cut == "flat-brim cap" else curved), (-42, 112, -40, 76)
    )
    canvas.fill(brim, style.panel, reach=16, swell=1.2, drop=0.35)
    canvas.seam(path((-32, 101), (54, 106, 130, 84, 176, 68)), depth=0.12, stitch=7)


def _back(canvas: Canvas, style: Style) -> None:
    crown = mirrored(path((0, -128), (90, -128, 146, -60, 138, 76), (100, 98, 50, 104, 0, 104)))
    canvas.fill(crown, style.panelled, reach=44, swell=1.3, drop=0)
    for x in (-92, 0, 92):
        canvas.seam(path((0, -128), (x * 0.9, -80, x, 92)), stitch=3.2)
    gap = path((-52, 100), (-56, 40, -30, 30, 0, 30), (30, 30, 56, 40, 52, 100))
    canvas.fill(gap, style.inside, reach=12, swell=-0.8, drop=0)
    canvas.fill(ribbon(path((-60, 84), (0, 94, 60, 84)), 18), style.panel, reach=6)
    canvas.fill(ribbon(box(-10, 80, 10, 100, 3), 4.5), STEEL, reach=3)
    canvas.fill(ellipse(0, -129, 11, 6), style.trim, reach=5)
