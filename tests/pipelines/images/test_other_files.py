from __future__ import annotations

import pytest

from recordmill.pipelines.images.other_files import describe_bytes


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "SVG, which has no pixels"),
        (b"\xef\xbb\xbf  <HTML>", "HTML"),
        (b"%PDF-1.7\n\xff", "a PDF"),
        (b"PK\x03\x04\x14", "a ZIP archive"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab",
            "a Git LFS pointer instead of the file",
        ),
        (b"name,age\n1,2\n", 'text that begins "name,age"'),
        ("Grüße".encode(), 'text that begins "Grüße"'),
        (b"x" * 50, f'text that begins "{"x" * 40}"'),
        (b"x", "1 byte, 78"),
        (b"\n\n", "2 bytes that begin 0a 0a"),
        (bytes(range(200, 220)), "20 bytes that begin c8 c9 ca cb cc cd ce cf"),
        (b" " * 2000 + b"<html>", "2,006 bytes that begin 20 20 20 20 20 20 20 20"),
    ],
)
def test_what_a_file_seems_to_be(data: bytes, name: str) -> None:
    assert describe_bytes(data) == name
