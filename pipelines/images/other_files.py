"""Guess the kind of a file that is not an image, for the message of its reject."""

from __future__ import annotations

__all__ = ["describe_bytes"]

_OTHER = (
    (b"<svg", "SVG, which has no pixels"),
    (b"<html", "HTML"),
    (b"<!doctype html", "HTML"),
    (b"%pdf", "a PDF"),
    (b"pk\x03\x04", "a ZIP archive"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file"),
)
"""Bytes near the beginning of other files, in lower case, and the names of their kinds."""

_HEAD, _SHOWN = 1024, 40


def describe_bytes(data: bytes) -> str:
    """Describe a file that is not an image.

    >>> describe_bytes(b"<!DOCTYPE html><title>Not found</title>")
    'HTML'
    >>> describe_bytes(b"oops")
    'text that begins "oops"'
    >>> describe_bytes(bytes([0, 255]))
    '2 bytes that begin 00 ff'
    """
    head = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, name in _OTHER:
        if mark in head:
            return name
    text = data[:_SHOWN].decode("utf-8", "replace").split("\n")[0].strip()
    if len(data) > 1 and text.isprintable() and text and "\ufffd" not in text:
        return f'text that begins "{text}"'
    shown = data[:8].hex(" ")
    return f"1 byte, {shown}" if len(data) == 1 else f"{len(data):,} bytes that begin {shown}"
