"""Colours to sRGB, by the profile of the photo."""

from functools import cache, lru_cache
from io import BytesIO
from typing import Final

from PIL import ExifTags, Image, ImageCms

from lookalike.photos.headers.header import MAX_PROFILE_BYTES, Header
from lookalike.photos.profiles import ADOBE_RGB_CHROMATICITIES, ADOBE_RGB_GAMMA, rgb_profile

# Colour spaces of ICC profiles, and the modes of pictures that they fit. A grey picture may have an RGB profile.
_MODES: Final = {"RGB ": ("RGB", "RGBA"), "GRAY": ("L",), "CMYK": ("CMYK",)}

_CUBE: Final = tuple(range(0, 256, 51))
_NO_CHANGE: Final = 2  # the largest difference of a channel that is due to rounding


def profile_of(image: Image.Image, header: Header) -> bytes | None:
    """The ICC profile of an open photo; None for sRGB, which is the rule without a profile.

    Cameras mark Adobe RGB with the interoperability index R03 (DCF 2.0) and embed no profile.
    """
    profile = header.profile or image.info.get("icc_profile")
    if profile:
        return profile if len(profile) <= MAX_PROFILE_BYTES else None
    if (
        image.format == "JPEG"
        and image.getexif().get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex) == "R03"
    ):
        return rgb_profile(ADOBE_RGB_CHROMATICITIES, gamma=ADOBE_RGB_GAMMA)
    return None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB: RGB, or RGBA if it has alpha. A profile that is damaged or fits another kind of picture is ignored."""
    has_alpha = image.mode == "RGBA"
    if profile is not None:
        if image.mode == "L" and _space(profile) == "RGB ":
            image = image.convert("RGB")
        if image.mode in _MODES.get(_space(profile), ()):
            transform = _transform(profile, image.mode)
            if transform is not None:
                return transform.apply(image)
    return image.convert("RGBA" if has_alpha else "RGB")


def _space(profile: bytes) -> str:
    return profile[16:20].decode("latin-1")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transformation to sRGB; None where it would change nothing, or the profile is damaged."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.ImageCmsTransform(source, _srgb(), mode, "RGBA" if mode == "RGBA" else "RGB")
    except (OSError, ValueError):
        return None
    if mode in ("RGB", "RGBA"):
        colours = bytes(value for red in _CUBE for green in _CUBE for blue in _CUBE for value in (red, green, blue))
        cube = Image.frombytes("RGB", (len(colours) // 3, 1), colours).convert(mode)
        changed = transform.apply(cube).convert("RGB").tobytes()
        if max(abs(before - after) for before, after in zip(colours, changed, strict=True)) <= _NO_CHANGE:
            return None
    return transform


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
