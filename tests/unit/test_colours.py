"""Photos in other colour spaces come out in sRGB, as an independent colour engine gives them."""

import io
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from lookalike.errors import NotAnImage
from lookalike.photos.images import decode
from lookalike.photos.profiles import SRGB_CHROMATICITIES, rgb_profile
from tests.support.photo_files import SIDE, bmp, gradients, jpeg_segment, packed, png, quantised

PROPHOTO = (0.3457, 0.3585, 0.734699, 0.265301, 0.159597, 0.840403, 0.036598, 0.000105)
ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
DISPLAY_P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)

SAMPLES = quantised(gradients(3), 8)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, size=SIDE)).astype(int)


def xyz_columns(chromaticities: tuple[float, ...]) -> np.ndarray:
    """The matrix from linear RGB to XYZ, by the definition of primaries and white."""
    x, y = np.reshape(chromaticities, (4, 2)).T
    white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], -1)
    columns = np.array(primaries).T
    return columns * np.linalg.solve(columns, white)


def in_srgb(samples: np.ndarray, chromaticities: tuple[float, ...], decode_curve: Callable) -> np.ndarray:
    """Samples of 0 to 1 in sRGB, 0 to 255, with the white points adapted by the Bradford transform."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    source, target = xyz_columns(chromaticities), xyz_columns(SRGB_CHROMATICITIES)
    cones = (bradford @ target.sum(1)) / (bradford @ source.sum(1))
    adapted = np.linalg.inv(bradford) @ np.diag(cones) @ bradford @ source
    linear = np.clip(decode_curve(samples) @ (np.linalg.inv(target) @ adapted).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_curve(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    return png(SAMPLES, 2, 8, chunks=chunks)


def gama(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(exponent * 100_000))


def chrm(chromaticities: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in chromaticities))


@pytest.mark.parametrize("space", [PROPHOTO, ADOBE_RGB, DISPLAY_P3])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_embedded_profile_is_applied(kind: str, space: tuple[float, ...]) -> None:
    picture = Image.fromarray(SAMPLES)
    options = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }.get(kind, {})
    profile = rgb_profile(space, gamma=1.8)
    assert profile
    plain, converted = (pixels(encoded(picture, kind, **options, icc_profile=icc)) for icc in (None, profile))
    expected = in_srgb(plain / 255, space, lambda values: values**1.8)
    assert np.abs(converted - expected).max() <= 2
    assert np.abs(converted - plain).max() > 20


def test_profiles_are_applied_as_another_binding_of_little_cms_does() -> None:
    for space in (PROPHOTO, ADOBE_RGB, DISPLAY_P3):
        profile = rgb_profile(space, gamma=None)
        assert profile
        expected = imagecodecs.cms_transform(SAMPLES, profile, imagecodecs.cms_profile("srgb"), colorspace="RGB")
        assert np.abs(pixels(encoded(Image.fromarray(SAMPLES), "PNG", icc_profile=profile)) - expected).max() <= 2


def test_the_profile_of_a_bmp_is_applied() -> None:
    profile = rgb_profile(PROPHOTO, gamma=1.8)
    assert profile
    data = bmp(packed(SAMPLES[..., ::-1].reshape(SIDE, -1), 8), SIDE, 24, header_bytes=124, profile=profile)
    assert np.abs(pixels(data) - in_srgb(SAMPLES / 255, PROPHOTO, lambda values: values**1.8)).max() <= 2


def test_alpha_is_kept_where_a_profile_is_applied() -> None:
    profile = rgb_profile(PROPHOTO, gamma=1.8)
    translucent = Image.fromarray(np.concatenate([SAMPLES, np.full((SIDE, SIDE, 1), 128, np.uint8)], -1))
    opaque = in_srgb(SAMPLES / 255, PROPHOTO, lambda values: values**1.8)
    converted = pixels(encoded(translucent, "PNG", icc_profile=profile))
    assert np.abs(converted - (opaque * 128 + 255 * 127) / 255).max() <= 2


def test_an_rgb_profile_of_a_grey_photo_is_applied() -> None:
    profile = rgb_profile(SRGB_CHROMATICITIES, gamma=1.0)
    grey = SAMPLES[..., 0]
    expected = in_srgb(np.repeat(grey[..., None], 3, -1) / 255, SRGB_CHROMATICITIES, lambda values: values)
    assert np.abs(pixels(encoded(Image.fromarray(grey), "PNG", icc_profile=profile)) - expected).max() <= 3


@pytest.mark.parametrize("profile", [b"no profile", bytes(200), b"\0" * 16 + b"RGB " + bytes(200)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_a_damaged_profile_is_ignored(mode: str, profile: bytes) -> None:
    picture = Image.fromarray(SAMPLES).convert(mode)
    plain, damaged = (pixels(encoded(picture, "TIFF", icc_profile=icc)) for icc in (None, profile))
    assert (plain == damaged).all()


def test_a_profile_of_srgb_changes_no_pixel() -> None:
    profile = rgb_profile(SRGB_CHROMATICITIES, gamma=None)
    assert (pixels(encoded(Image.fromarray(SAMPLES), "PNG", icc_profile=profile)) == SAMPLES).all()


def test_gamma_and_chromaticities_of_a_png_are_applied() -> None:
    for chunks, space, gamma in (
        ([gama(1.0)], SRGB_CHROMATICITIES, 1.0),
        ([gama(1 / 1.8), chrm(PROPHOTO)], PROPHOTO, 1.8),
        ([chrm(ADOBE_RGB), gama(256 / 563)], ADOBE_RGB, 563 / 256),
    ):
        expected = in_srgb(SAMPLES / 255, space, lambda values, gamma=gamma: values**gamma)
        assert np.abs(pixels(png_of(*chunks)) - expected).max() <= 3


def test_a_png_that_says_srgb_has_no_other_gamma() -> None:
    assert (pixels(png_of(gama(1.0), (b"sRGB", b"\0"))) == SAMPLES).all()
    assert (pixels(png_of(chrm(PROPHOTO))) == SAMPLES).all()
    assert (pixels(png_of(gama(1 / 2.2))) == SAMPLES).all()  # the mark of sRGB before there was a chunk for it


@pytest.mark.parametrize("chunk", [(b"gAMA", b"\0\0"), (b"gAMA", bytes(4)), (b"gAMA", b"\xff" * 4), (b"cICP", b"\7")])
def test_nonsense_about_colours_is_ignored(chunk: tuple[bytes, bytes]) -> None:
    assert (pixels(png_of(chunk, chrm((0.0,) * 8))) == SAMPLES).all()


def test_code_points_of_a_png_come_before_its_profile() -> None:
    profile = zlib.compress(rgb_profile(PROPHOTO, gamma=1.8) or b"")
    converted = pixels(png_of((b"iCCP", b"other\0\0" + profile), (b"cICP", bytes([12, 13, 0, 1]))))
    assert np.abs(converted - in_srgb(SAMPLES / 255, DISPLAY_P3, srgb_curve)).max() <= 2
    with pytest.raises(NotAnImage, match="HDR"):
        pixels(png_of((b"cICP", bytes([9, 16, 0, 1]))))


def test_a_camera_s_mark_of_adobe_rgb_is_a_profile() -> None:
    def directory(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack("<HHHI4sI", 1, tag, kind, count, value, 0)

    pointer = [directory(tag, 4, 1, struct.pack("<I", at)) for tag, at in ((0x8769, 26), (0xA005, 44))]
    exif = b"Exif\0\0II*\0\x08\0\0\0" + b"".join(pointer) + directory(1, 2, 4, b"R03\0")
    plain = encoded(Image.fromarray(SAMPLES), "JPEG", quality=100, subsampling=0)
    marked = plain[:2] + jpeg_segment(0xE1, exif) + plain[2:]
    expected = in_srgb(pixels(plain) / 255, ADOBE_RGB, lambda values: values ** (563 / 256))
    assert np.abs(pixels(marked) - expected).max() <= 2


def cmyk_profile(grid: int = 2) -> bytes:
    """An ICC profile of four inks, whose table in Lab has random colours (ICC.1:2001, lut8Type)."""
    table = np.random.default_rng(4).integers(0, 256, (grid**4, 3), dtype=np.uint8)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 65_536)
    a2b = b"mft1" + bytes(4) + bytes([4, 3, grid, 0]) + matrix + ramp * 4 + table.tobytes() + ramp * 3
    length = 128 + 4 + 12 + len(a2b)
    head = struct.pack(
        ">I4sI4s4s4s12s4s28x3i", length, b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"", b"acsp", 63190, 65536, 54061
    )
    return head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(a2b)) + a2b


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_the_profile_of_a_cmyk_photo_is_applied_as_another_binding_of_little_cms_does(kind: str) -> None:
    inks = Image.frombytes("CMYK", (SIDE, SIDE), quantised(gradients(4), 8).tobytes())
    data = encoded(inks, kind, icc_profile=cmyk_profile(), **({"quality": 100} if kind == "JPEG" else {}))
    with Image.open(io.BytesIO(data)) as image:
        samples = np.asarray(image)
    expected = imagecodecs.cms_transform(
        samples, cmyk_profile(), imagecodecs.cms_profile("srgb"), colorspace="CMYK", outcolorspace="RGB"
    )
    assert np.abs(pixels(data) - expected).max() <= 2
