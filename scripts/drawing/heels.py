"""Heels, seen from the side with the toe to the right, standing on a floor."""

import numpy as np

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import Style, metal, solid
from scripts.drawing.curves import Points, ellipse, path, point_at, ribbon
from scripts.drawing.palette import STEEL, brightness


def heel(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    canvas.stand(-150, 176, 134, depth=12, strength=0.36)
    sole_colour = solid((0.80, 0.62, 0.46) if brightness(style.base) < 0.6 else (0.5, 0.33, 0.22))
    bed = path((-154, -10), (-112, -14, -60, 14, -6, 74), (24, 108, 52, 126, 92, 129), (140, 131, 182, 124))
    lining = np.vstack([path((-150, -34), (-100, -30, -40, 50, 30, 70), (70, 100)), bed[bed[:, 0] < 30][::-1]])
    canvas.fill(lining, solid((0.87, 0.76, 0.64)), reach=12, swell=-0.6, drop=0)
    _heel_post(canvas, style, cut)
    if cut == "sandal":
        _sandal(canvas, style, bed)
        canvas.fill(ribbon(bed, (14, 9, 8)), sole_colour, reach=5, drop=0.2)
        return
    strap_on = cut == "ankle-strap"
    rim = path((-126, -74), (-98, -18, -28, 70, 40, 66), (64, 66, 84, 76) if strap_on else (70, 62, 84, 74))
    upper = path(
        (-154, -4),
        (-168, -34, -164, -62, -152, -76),
        (-140, -88, -126, -74),
        *(tuple(point) for point in rim.tolist()),
        (130, 88, 172, 108, 190, 126),
        (184, 133, 130, 134, 92, 133),
        (48, 130, 20, 110, -10, 78),
        (-62, 20, -112, -8, -154, -4),
    )
    canvas.fill(upper, style.panelled, reach=24, swell=1.3, origin=(0, 60), drop=0.25)
    canvas.fill(ribbon(rim, 3.5), style.trim, reach=2, swell=0.7, drop=0.1)
    canvas.fill(ribbon(bed + np.array([0, 3]), (7, 5, 4)), sole_colour, reach=3, drop=0.15)
    if style.pattern == "colour-block":
        cap = path((110, 92), (150, 96, 188, 126), (184, 133, 150, 134, 108, 132), (100, 112, 110, 92))
        canvas.fill(cap, style.second, reach=14, swell=1.0, drop=0.15)
    if strap_on:
        canvas.fill(ribbon(path((-150, -78), (-150, -110, -144, -128)), 9), style.trim, reach=4)
        band = ellipse(-100, -128, 46, 13)
        canvas.fill(ribbon(band, 9), style.trim, reach=4, drop=0.3)
        canvas.fill(ribbon(ellipse(-70, -117, 6, 7), 2.4), metal(STEEL), reach=2, drop=0.3)
    if cut == "pump" or view == "back":
        bow_at = (60.0, 66.0)
        for side in (-1, 1):
            wing = path(
                bow_at,
                (bow_at[0] + side * 14, bow_at[1] - 18, bow_at[0] + side * 24, bow_at[1] - 5 + side * 5),
                (bow_at[0] + side * 18, bow_at[1] + 14, *bow_at),
            )
            canvas.fill(wing, style.trim, reach=5, drop=0.3)
        canvas.fill(ellipse(*bow_at, 4.5), style.trim, reach=3)


def _heel_post(canvas: Canvas, style: Style, cut: str) -> None:
    cloth = style.trim if style.pattern != "colour-block" else style.second
    if cut in {"stiletto", "ankle-strap"}:
        post = path((-156, -8), (-158, 40, -142, 90, -142, 134), (-132, 134), (-128, 80, -118, 44, -94, 4), (-120, 0))
    elif cut == "sandal":
        post = path((-158, -16), (-156, 60, -150, 134), (-92, 134), (-96, 80, -94, 50, -80, 10), (-110, 0))
    else:
        post = path((-158, -8), (-156, 60, -150, 134), (-106, 134), (-110, 80, -104, 46, -86, 6), (-120, 0))
    canvas.fill(post, cloth, reach=12, swell=1.1, drop=0.2)
    left, right = post[post[:, 1] > 133][:, 0].min(), post[post[:, 1] > 133][:, 0].max()
    canvas.fill(path((left, 131), (right, 131), (right, 137), (left, 137)), solid((0.15, 0.13, 0.12)), reach=2, drop=0)


def _sandal(canvas: Canvas, style: Style, bed: Points) -> None:
    for share, rise, width in ((0.86, 34, 24), (0.68, 44, 20)):
        x, y = point_at(bed, share)
        far = path((x - 8, y - 2), (x + 2, y - rise * 1.7, x + 34, y - 2))
        canvas.fill(ribbon(far, width * 0.8), style.trim.plain(shade=0.2), reach=6, drop=0)
        strap = path(
            (x - 40, y - 2), (x - 22, y - rise * 1.7, x + 12, y - rise * 0.9), (x + 24, y - rise * 0.5, x + 30, y)
        )
        canvas.fill(ribbon(strap, width), style.panelled, reach=8, swell=1.1, drop=0.4, origin=(x, y - 20))
    canvas.fill(
        path((-154, 0), (-166, -40, -150, -84), (-128, -84), (-126, -40, -110, 8)), style.panelled, reach=12, swell=1.1
    )
    band = ellipse(-98, -90, 48, 14)
    canvas.fill(ribbon(band, 11), style.second, reach=5, drop=0.35)
    canvas.fill(ribbon(ellipse(-64, -80, 7, 8), 2.6), metal(STEEL), reach=2, drop=0.3)
