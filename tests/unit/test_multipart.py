"""The photo comes out of a form as it went in, and no form is odd enough to cost more than a look."""

import email
import email.policy
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support import functions

multipart = functions.load("query", "multipart")
photo_field, BadForm = multipart.photo_field, multipart.BadForm

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY.decode()}"
FILE = b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg'


def form(*parts: tuple[bytes, bytes], boundary: bytes = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    """A form of parts, each a header and a content."""
    return b"".join(b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, *part) for part in parts) + b"--%s%s" % (boundary, end)


@given(
    st.binary() | st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", BOUNDARY, b"\r\n--", b"a", b"\0"])).map(b"".join)
)
def test_any_bytes_come_back(content: bytes) -> None:
    # Senders choose a boundary that their content does not have on a line of its own.
    assume(b"\r\n--" + BOUNDARY not in b"\r\n" + content + b"\r\n")

    assert photo_field(CONTENT_TYPE, form((FILE, content))) == content


@given(st.binary(max_size=200), st.text(max_size=50))
def test_every_form_is_read_or_refused_in_words(body: bytes, content_type: str) -> None:
    for header in (CONTENT_TYPE, content_type, "multipart/form-data; boundary=" + content_type):
        found, refusal = read(header, body)
        assert found is None or found in body
        assert refusal.isprintable()
        assert len(refusal) < 500


def read(content_type: str, body: bytes) -> tuple[bytes | None, str]:
    """The photo of a form, or the words of its refusal."""
    try:
        return photo_field(content_type, body), ""
    except BadForm as error:
        return None, str(error)


def test_the_field_is_found_among_others() -> None:
    note = b'Content-Disposition: form-data; name="note"'

    assert photo_field(CONTENT_TYPE, form((note, b"like this"), (FILE, b"photo"), (note, b"more"))) == b"photo"


def test_a_standard_client_is_understood() -> None:
    message = email.message_from_bytes(b"Content-Type: image/png\r\n\r\n", policy=email.policy.HTTP)
    message.add_header("Content-Disposition", "form-data", name="image", filename="été.png")
    header = message.as_bytes().strip()

    assert photo_field(CONTENT_TYPE, form((header, b"photo"))) == b"photo"


@pytest.mark.parametrize(
    "header",
    [
        b"content-disposition:form-data;name=image",
        b'CONTENT-DISPOSITION: FORM-DATA; NAME="image"',
        b'Content-Type: image/jpeg\r\nContent-Disposition: form-data; filename="x"; name="image"',
        b'Content-Disposition: form-data; name="image"; filename="\xe9t\xe9 \xff.jpg"',  # no UTF-8
        b'Content-Disposition: form-data; name="image"; filename="a;b=c\\"d.jpg"',
        b"Content-Disposition: form-data; name=\"image\"; filename*=UTF-8''%C3%A9.jpg",
        b'X-Other: "\r\nContent-Disposition: form-data; name="image"',
    ],
)
def test_headers_may_be_written_in_many_ways(header: bytes) -> None:
    assert photo_field(CONTENT_TYPE, form((header, b"photo"))) == b"photo"


@pytest.mark.parametrize(
    "header",
    [
        b'Content-Disposition: form-data; name="images"',
        b'Content-Disposition: form-data; name="note"; filename="x; name=image"',
        b'Content-Disposition: form-data; name="note"; filename="x\\"; name=\\"image"',
        b'Content-Disposition: form-data; filename="image"',
        b"Content-Disposition: form-data; name",
        b"Content-Disposition",
        b'Content-Type: image/jpeg; name="image"',
        b'Content-Disposition: form-data; name="' + b"x" * 20_000 + b'"; name="image"',  # past the limit of a header
    ],
)
def test_other_fields_are_not_the_photo(header: bytes) -> None:
    with pytest.raises(BadForm, match="named image"):
        photo_field(CONTENT_TYPE, form((header, b"photo")))


NO_BOUNDARY = "Content-Type of the form has no boundary"
ANOTHER_BOUNDARY = "does not contain the boundary"
NO_FIELD = "has no field that is named image"


@pytest.mark.parametrize(
    ("content_type", "body", "cause"),
    [
        ("multipart/form-data", form((FILE, b"photo")), NO_BOUNDARY),
        ("multipart/form-data; boundary=", form((FILE, b"photo")), NO_BOUNDARY),
        ('multipart/form-data; boundary=""', form((FILE, b"photo"), boundary=b""), NO_BOUNDARY),
        (f"multipart/form-data; boundary={'x' * 201}", form((FILE, b"photo"), boundary=b"x" * 201), "201 characters"),
        ("multipart/form-data; boundary=other", form((FILE, b"photo")), ANOTHER_BOUNDARY),
        ("multipart/form-data; boundary=é€", form((FILE, b"photo")), ANOTHER_BOUNDARY),
        (CONTENT_TYPE, b"photo", ANOTHER_BOUNDARY),
        (CONTENT_TYPE, b"", ANOTHER_BOUNDARY),
        (CONTENT_TYPE, b"--" + BOUNDARY, NO_FIELD),
        (CONTENT_TYPE, b"--" + BOUNDARY + b"--", NO_FIELD),
        (CONTENT_TYPE, form(), NO_FIELD),
        (CONTENT_TYPE, form((b"", b"photo")), NO_FIELD),
        (CONTENT_TYPE, b"--" + BOUNDARY + b"--\r\n" + form((FILE, b"after the end")), NO_FIELD),
        (CONTENT_TYPE, form((FILE, b"photo")).replace(b"\r\n", b"\n"), "end with LF"),
        (CONTENT_TYPE, b"\n" + form((FILE, b"photo")).replace(b"\r\n", b"\n"), "end with LF"),
    ],
)
def test_a_form_without_a_photo_is_refused_with_the_cause(content_type: str, body: bytes, cause: str) -> None:
    with pytest.raises(BadForm, match=cause):
        photo_field(content_type, body)


def test_a_form_without_the_field_is_told_its_fields() -> None:
    fields = [b"file", "größe".encode(), b"\xff\x1b<b>", b"x" * 500, *(b"field%d" % number for number in range(9))]
    parts = [(b'Content-Disposition: form-data; name="%s"' % name, b"photo") for name in fields]

    with pytest.raises(BadForm) as refusal:
        photo_field(CONTENT_TYPE, form(*parts))

    said = str(refusal.value)
    assert "'file', 'größe'" in said
    assert "and 8 more" in said
    assert said.isprintable()
    assert len(said) < 300


@pytest.mark.parametrize("encoding", [b"base64", b"BASE64", b"quoted-printable"])
def test_an_encoded_field_is_refused_with_the_cause(encoding: bytes) -> None:
    header = FILE + b"\r\nContent-Transfer-Encoding: " + encoding
    with pytest.raises(BadForm, match=f"(?i){encoding.decode()}"):
        photo_field(CONTENT_TYPE, form((header, b"cGhvdG8=")))


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"7BIT"])
def test_an_encoding_that_changes_nothing_is_read(encoding: bytes) -> None:
    header = FILE + b"\r\ncontent-transfer-encoding:" + encoding
    assert photo_field(CONTENT_TYPE, form((header, b"photo"))) == b"photo"


def test_a_line_break_in_the_content_type_starts_nothing() -> None:
    injected = (
        f'{CONTENT_TYPE}\r\n\r\n--{BOUNDARY.decode()}\r\nContent-Disposition: form-data; name="image"\r\n\r\nevil'
    )

    assert photo_field(injected, form((FILE, b"photo"))) == b"photo"


def test_a_quoted_boundary_with_spaces() -> None:
    body = form((FILE, b"photo"), boundary=b"a b:c")

    assert photo_field('multipart/form-data; charset=utf-8; boundary="a b:c"', body) == b"photo"


def test_a_line_that_only_begins_like_the_boundary_is_content() -> None:
    content = b"x\r\n--" + BOUNDARY + b"0\r\ny"

    assert photo_field(CONTENT_TYPE, form((FILE, content))) == content


def test_an_empty_file_is_there_and_empty() -> None:
    assert photo_field(CONTENT_TYPE, form((FILE, b""))) == b""


def test_a_body_that_was_cut_gives_what_there_is() -> None:
    assert photo_field(CONTENT_TYPE, form((FILE, b"photo"))[: -len(BOUNDARY) - 8]) == b"photo"


def test_a_form_has_a_hundred_parts_at_most() -> None:
    note = b'Content-Disposition: form-data; name="note"'

    assert photo_field(CONTENT_TYPE, form(*[(note, b"")] * 99, (FILE, b"photo"))) == b"photo"
    with pytest.raises(BadForm):
        photo_field(CONTENT_TYPE, form(*[(note, b"")] * 100, (FILE, b"photo")))


@pytest.mark.parametrize(
    "body",
    [
        form((FILE, b"\n" * 4_000_000)),
        form((b"Content-Disposition: form-data" + b";a=b" * 1_000_000, b"")),
        form((b"Content-Disposition: form-data" + b';a="' * 1_000_000, b"")),
        form((b"Content-Disposition: form-data; " + b" " * 4_000_000, b"")),
        form((b"x\r\n" * 1_000_000, b"")),
        (b"\r\n--" + BOUNDARY + b" " * 100) * 25_000,
        (b"\r\n--" + BOUNDARY) * 90_000,
        form(*[(b'Content-Disposition: form-data; n="' + b"\\" * 4_000, b"")] * 900),
    ],
    ids=["newlines", "parameters", "quotes", "spaces", "lines", "padding", "boundaries", "backslashes"],
)
def test_hostile_forms_cost_little(body: bytes) -> None:
    started = time.process_time()
    read(CONTENT_TYPE, body)

    # The mail parser took from four seconds to an hour for these; here a slow machine needs a tenth of a second.
    assert time.process_time() - started < 2
