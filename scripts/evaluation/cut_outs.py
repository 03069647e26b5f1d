"""Products cut out of photos with a plain background."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy import ndimage

from lookalike.photos.regions import Region

_TOLERANCE: Final = 24  # of 255, in the channel that differs most: JPEG's noise around a product stays below it
_LEAST, _MOST = 0.02, 0.9  # shares of a photo that a product covers


def cut_out(photo: Image.Image) -> tuple[Image.Image, tuple[int, int]]:
    """The product without its background, RGBA, trimmed to the product, and its upper left corner in the photo.

    The background is all that is connected to the photo's border in about the border's colour. Where that leaves nearly
    nothing or nearly everything, the background is not plain: then the whole photo counts as the product.
    """
    rgb = photo.convert("RGB")
    mask = _product_mask(np.asarray(rgb))
    if not _LEAST <= mask.mean() <= _MOST:
        return rgb.convert("RGBA"), (0, 0)
    alpha = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    rgb.putalpha(alpha)
    box = alpha.getbbox() or (0, 0, *rgb.size)
    return rgb.crop(box), box[:2]


def background(photo: Image.Image) -> tuple[int, int, int]:
    """The median colour of a photo's border."""
    red, green, blue = np.median(_border(np.asarray(photo.convert("RGB"))), axis=0).astype(int).tolist()
    return red, green, blue


def box_of(cut: Image.Image, corner: tuple[int, int], size: tuple[int, int]) -> Region:
    """The box of a cut-out that is pasted at ``corner`` into a picture of ``size``."""
    (x, y), (width, height) = corner, size
    return Region(x / width, y / height, cut.width / width, cut.height / height)


def crop_to(picture: Image.Image, box: Region) -> Image.Image:
    """The part of the picture inside the box."""
    left, top = round(box.x * picture.width), round(box.y * picture.height)
    right, bottom = round((box.x + box.width) * picture.width), round((box.y + box.height) * picture.height)
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _product_mask(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    difference = np.abs(pixels.astype(np.int16) - np.median(_border(pixels), axis=0).astype(np.int16)).max(axis=2)
    plain = difference <= _TOLERANCE
    edge = np.ones_like(plain)
    edge[1:-1, 1:-1] = False
    outside = ndimage.binary_propagation(plain & edge, mask=plain)
    # Specks of noise are no part of the product.
    mask: npt.NDArray[np.bool_] = ndimage.binary_opening(~outside)
    return mask


def _border(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
