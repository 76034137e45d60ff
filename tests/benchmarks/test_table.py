import pytest

from benchmarks.table import between_markers, markdown


def test_columns_are_aligned() -> None:
    table = markdown(["what", "s"], [["a", "1.5"], ["long one", "10.0"]])

    assert table.splitlines() == [
        "| what     |    s |",
        "|----------|-----:|",
        "| a        |  1.5 |",
        "| long one | 10.0 |",
    ]


def test_only_text_between_the_markers_is_replaced() -> None:
    begin, end = "<!-- results of wide -->", "<!-- end of wide -->"
    help_section = "<!-- results of help -->\n\nkept\n\n<!-- end of help -->"

    page = between_markers(
        f"# Head\n\n{help_section}\n\n{begin}\nold\n{end}\n\nFoot\n", "wide", "new"
    )

    assert page == f"# Head\n\n{help_section}\n\n{begin}\n\nnew\n\n{end}\n\nFoot\n"
    assert between_markers(page, "wide", "new") == page


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the lines <!-- results of wide -->"):
        between_markers("# Head\n", "wide", "new")
