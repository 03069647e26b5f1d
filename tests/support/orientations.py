"""Photos as cameras store them: lying on a side or mirrored, with the EXIF orientation that says how."""

from PIL import Image


def stored(upright: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """The picture as it is stored under an EXIF orientation from 1 to 8, and that orientation as EXIF."""
    turned = {
        2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda image: image.rotate(180),
        4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
        6: lambda image: image.rotate(90, expand=True),
        7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        8: lambda image: image.rotate(-90, expand=True),
    }.get(orientation, lambda image: image)(upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return turned, exif
