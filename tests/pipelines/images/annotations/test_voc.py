"""Pascal VOC files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from recordmill.pipelines.images.annotations.refs import Box
from recordmill.pipelines.images.annotations.voc import parse_voc, read_voc

BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def voc(*objects: str, size: str = "<size><width>9</width><height>7</height></size>") -> bytes:
    lines = ["<annotation>", "<filename> 1.jpg </filename>", size, *objects, "</annotation>"]
    return "\n".join(lines).encode()


def thing(*edges: object, name: str = "cat") -> str:
    return f"<object><name> {name} </name>{BOX.format(*edges)}</object>"


def problem(data: bytes) -> tuple[str, str]:
    """Return the reject as text, and its reason."""
    reject = parse_voc(data, path="a.xml").problem
    assert reject
    return str(reject), reject.reason


def test_an_annotation() -> None:
    part = "<part><name>head</name>" + BOX.format(0, 0, 0, 0) + "</part>"
    noisy = thing(1, 2, "3.5", " 4 ").replace(
        "</object>", f"<difficult>1</difficult>{part}</object>"
    )
    annotation = parse_voc(voc(noisy, thing(-5, 0, 1e3, 7, name="dog")), path="a.xml")
    boxes: tuple[Box, ...] = ((2.0, 1.0, 4.0, 3.5), (0.0, -5.0, 7.0, 1000.0))
    assert (annotation.image, annotation.source, annotation.line) == ("1.jpg", "a.xml", 1)
    assert (annotation.boxes, annotation.classes) == (boxes, ("cat", "dog"))
    assert (annotation.stated_size, annotation.problem, annotation.label) == ((9, 7), None, None)


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_an_image_with_nothing_in_it_and_no_size(size: str) -> None:
    annotation = parse_voc(voc(size=size), path="a.xml")
    assert (annotation.boxes, annotation.stated_size, annotation.problem) == ((), None, None)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (
            (5, 1, 5, 2),
            ("expected xmin < xmax and ymin < ymax, got xmin 5, ymin 1, xmax 5, ymax 2"),
        ),
        (
            (1, 3, 5, 2),
            ("expected xmin < xmax and ymin < ymax, got xmin 1, ymin 3, xmax 5, ymax 2"),
        ),
        (("a", 1, 5, 2), 'column "xmin": expected a number, got "a"'),
        ((1, "", 5, 2), 'column "ymin": expected a number, got ""'),
        ((1, 1, "nan", 2), 'column "xmax": expected a number, got "nan"'),
        ((1, 1, 5, "1e999"), 'column "ymax": expected a number, got "1e999"'),
        ((1, 1, "1_0", 2), 'column "xmax": expected a number, got "1_0"'),
    ],
)
def test_a_bad_box(edges: tuple[object, ...], message: str) -> None:
    """Case 33: the line is that of the object."""
    assert problem(voc(thing(1, 1, 2, 2), thing(*edges))) == (f"a.xml:5: {message}", "bad_box")


def test_an_object_without_a_box() -> None:
    assert problem(voc("<object><name>cat</name></object>")) == (
        'a.xml:4: column "xmin": expected a number, got nothing',
        "bad_box",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected XML, got an error: no element found: line 1, column 0"),
        (b"<annotation>", "expected XML, got an error: no element found: line 1, column 12"),
        (
            b'<?xml version="1.0" encoding="no"?><a/>',
            "expected XML, got an error: unknown encoding: no",
        ),
        (b"<html/>", "expected the element <annotation>, got <html>"),
        (b"<annotation/>", "expected the name of the image in <filename>, got nothing"),
        (voc(thing(1, 1, 2, 2, name="")), "expected the class of the box in <name>, got nothing"),
        (
            voc(size="<size><width>x</width></size>"),
            'column "width": expected a number of pixels, got "x"',
        ),
    ],
)
def test_a_bad_annotation(data: bytes, message: str) -> None:
    text, reason = problem(data)
    assert (text.partition(": ")[2], reason) == (message, "bad_annotation")


def test_a_document_type_is_refused_before_it_is_read() -> None:
    entities = (
        b'<!ENTITY a "'
        + b"a" * 1000
        + b'">'
        + b"".join(
            b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 100)
            for letter in range(ord("b"), ord("k"))
        )
    )
    bomb = (
        b"<!DOCTYPE annotation ["
        + entities
        + b"]><annotation><filename>&j;</filename></annotation>"
    )
    outside = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    for data in (bomb, outside, "<!DOCTYPE a><a/>".encode("utf-16")):
        text, _ = problem(data)
        assert text == "a.xml:1: expected XML without a document type, got one: remove it"


def test_other_encodings() -> None:
    text = '<?xml version="1.0" encoding="{}"?><annotation><filename>é.jpg</filename></annotation>'
    for encoding in ("utf-8", "iso-8859-1", "utf-16"):
        data = text.format(encoding).encode(encoding)
        assert parse_voc(data, path="a.xml").image == "é.jpg"


def test_deep_nesting_does_no_harm() -> None:
    deep = b"<object>" * 100_000 + b"</object>" * 100_000
    assert (
        problem(b"<annotation><filename>1.jpg</filename>" + deep + b"</annotation>")[1] == "bad_box"
    )


def test_read(tmp_path: Path) -> None:
    data = voc(thing(1, 1, 2, 2))
    path = tmp_path / "a.xml"
    path.write_bytes(data)
    file = read_voc(str(path))
    assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert file.annotations == [parse_voc(data, path=str(path))]
