from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from helpers import image_dataset
from helpers.report_cases import HOSTILE, census, hostile, pictures, statistics
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.pipelines.profiles.profiled import Profiled
from recordmill.pipelines.report.page import render, report_of, write_report
from recordmill.pipelines.report.report import Report
from recordmill.pipelines.report.text import content_security_policy, script_json
from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger, Manifest, SourceFile, Split
from recordmill.schemas.schema import Schema

SCHEMA = Schema((Column("age", "int64"), Column("city", "string")))
TABLE = {"age": [1, 2, None], "city": ["Rome", None, "Oslo"]}
LEDGER = {"train": Ledger(read=10, written=3, duplicates=1, rejected={"bad": 6}), "eval": Ledger()}


class _Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


class TestRender:
    def test_an_empty_report(self) -> None:
        page = _Page(render(Report(title="nothing", created="today")))
        assert "0 rows in 0 splits, 0 features." in " ".join(page.text.split())

    def test_is_the_same_each_time(self) -> None:
        assert render(pictures()) == render(pictures())

    def test_overview_and_ledger(self, tmp_path: Path) -> None:
        report = replace(census(tmp_path), repeats={"train": 3}, ledger=LEDGER)
        text = " ".join(_Page(render(report)).text.split())
        assert "train 2,000 " in text
        assert " 3 6 eval " in text, "repeats and rejects"
        assert "not counted" in text
        assert "read = written + filtered + duplicates + sampled out + rejected" in text
        assert "train 10 3 0 1 0 6 eval 0 0 0 0 0 0" in text
        assert "bad 6 rows of train , 60.0% of those read" in text
        assert "There are no examples." in text

    def test_nothing_in_the_data_becomes_markup(self, tmp_path: Path) -> None:
        tame, wild = (_Page(render(report)) for report in (census(tmp_path), hostile()))
        assert set(wild.tags) <= {*tame.tags, "details", "summary", "pre"}
        assert "img" not in wild.tags and "iframe" not in wild.tags
        assert not [name for name, _ in wild.attributes if name.startswith("on")]
        assert "{{7*7}}{% raw %}${7*7}" in wild.text
        assert wild.tags.count("script") == 2

    def test_only_its_own_script_and_style_may_run(self) -> None:
        page = render(hostile())
        style = re.search("<style>(.*?)</style>", page, re.DOTALL)
        script = re.search("<script>(.*?)</script>\n</body>", page, re.DOTALL)
        assert style and script
        expected = content_security_policy(script=script[1], style=style[1])
        assert expected.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in expected
        assert expected.replace("'", "&#39;") in page

    def test_needs_no_network(self) -> None:
        sources = [
            value
            for name, value in _Page(render(pictures())).attributes
            if name in ("src", "href", "srcset", "action") and value and value[0] != "#"
        ]
        assert sources and all(value.startswith("data:") for value in sources)

    def test_images_of_each_class(self) -> None:
        text = " ".join(_Page(render(pictures())).text.split())
        assert f"Images of each class, train cat 2, {HOSTILE[0]} 1 " in text
        assert "without a box" not in text

    def test_boxes(self) -> None:
        counts = {"images": 7, "without_boxes": 2, "boxes": 1234, "clipped": 5, "tiny": 0}
        images = {"kind": "detection", "classes": ["cat", "dog"]}
        images["counts"] = {"train": counts | {"classes": {"cat": 1234, "dog": 0}}}
        page = _Page(render(Report(title="pets", created="", images=images)))
        text = " ".join(page.text.split())
        assert "Boxes of each class, train cat 1,234, dog 0 " in text
        assert "Split images without a box boxes clipped under 1.5 pixels" in text
        assert "train 7 2 1,234 5 0 Clipped: boxes that extend outside" in text

    def test_the_features_are_json(self) -> None:
        page = render(hostile())
        data = re.search('<script type="application/json" id="data">(.*?)</script>', page)
        assert data and not set(data[1]) & set("<>&\u2028\u2029")
        assert json.loads(data[1])["features"][0]["name"] == HOSTILE[0]


def test_script_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        script_json(float("nan"))


def _write(folder: Path, files: dict[str, bytes | str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _proto(split: str) -> bytes:
    (dataset,) = statistics(SCHEMA, {split: TABLE}).values()
    proto: bytes = DatasetFeatureStatisticsList(datasets=[dataset]).SerializeToString()
    return proto


def _reject(reason: str, line: int) -> str:
    about = {"file": "a.csv", "line": line, "column": "age", "reason": reason}
    return json.dumps(about | {"message": f"bad {line}", "raw": "\ud800,1"}) + "\n"


def _manifest(**changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": "small",
        "created": "2026-01-02T03:04:05+00:00",
        "versions": {"recordmill": "0.1.0"},
        "recipe": {"distinct": True},
        "seed": 0,
        "inputs": (SourceFile("a.csv", "train", 5, "ab", 10),),
        "splits": {"train": Split(3, ()), "eval": Split(0, ())},
        "ledger": LEDGER,
        "compression": "",
        "label": None,
        "transform_fn": {},
        "parity": {},
        "unseen": {"eval": {"city": 0}},
    }
    return Manifest(**(fields | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of a dataset without a manifest, as far as a report reads them."""
    _write(
        tmp_path,
        {
            "schema/schema.pbtxt": SCHEMA.to_pbtxt(),
            "stats/train.pb": _proto("train"),
            "stats/transformed-train.pb": _proto("train"),
            "rejects/train.jsonl": "".join(_reject("bad", line) for line in range(6)),
            "rejects/eval.jsonl": "",
        },
    )
    return tmp_path


class TestReportOf:
    def test_before_it_is_published(self, folder: Path) -> None:
        report = report_of(str(folder), manifest=_manifest())
        assert (report.title, report.versions) == ("small", {"recordmill": "0.1.0"})
        assert list(report.raw) == list(report.transformed) == ["train"]
        assert report.schema == SCHEMA
        assert [reject.line for reject in report.rejects["train"]] == [0, 1, 2, 3, 4]
        assert report.repeats == {"train": 1, "eval": 0}
        assert report.unseen == {"eval": {"city": 0}}
        assert report.sheets == {}

    def test_after_it_is_published(self, folder: Path) -> None:
        _write(folder, {"manifest.json": _manifest(recipe={}).to_json()})
        report = report_of(str(folder))
        assert (report.title, report.ledger, report.repeats) == ("small", LEDGER, {})

    def test_a_profile(self, folder: Path) -> None:
        profiled = Profiled(
            name="look",
            created="2026-01-02T03:04:05+00:00",
            recordmill="0.1.0",
            versions={"tensorflow": "2.21.0"},
            recipe={},
            seed=0,
            inputs=_manifest().inputs,
            rows={"train": 3},
            ledger=LEDGER,
            repeats={"train": 2},
            label=None,
            unseen={"eval": {"city": 1}},
        )
        _write(folder, {"profile.json": profiled.to_json()})
        report = report_of(str(folder))
        assert (report.title, report.ledger, report.repeats) == ("look", LEDGER, {"train": 2})
        assert (report.inputs, report.unseen) == (_manifest().inputs, {"eval": {"city": 1}})
        assert report.versions == {"recordmill": "0.1.0", "tensorflow": "2.21.0"}
        assert (list(report.raw), report.transformed) == (["train"], {})

    def test_a_profile_of_images(self) -> None:
        images = {"kind": "classification", "classes": ["cat"]}
        text = render(Report(title="pets", created="", images=images))
        assert "classification" in _Page(text).text

    def test_jpegs_that_got_an_end_marker(self) -> None:
        images = {"kind": "classification", "classes": ["cat"], "without_end_marker": 2}
        text = _Page(render(Report(title="pets", created="", images=images))).text
        assert "End marker added 2 JPEGs, complete otherwise" in " ".join(text.split())

    @pytest.mark.parametrize(
        ("decided_by", "words"),
        [
            ("files", "relative to the upright picture, as the files show"),
            ("recipe", "relative to the upright picture, as the recipe says"),
            ("none", "the same in either frame"),
        ],
    )
    def test_the_frame_of_boxes(self, decided_by: str, words: str) -> None:
        counts = {"turned": 4, "upright": 3, "stored": 0, "unknown": 1}
        frame = {"frame": "upright", "decided_by": decided_by} | counts
        images = {"kind": "detection", "classes": ["cat"], "box_frame": frame}
        text = _Page(render(Report(title="pets", created="", images=images))).text
        assert f"{words}: 4 photos, 3 show upright, 0 stored, 1 neither" in " ".join(text.split())
        images = {"kind": "detection", "classes": ["cat"], "box_frame": frame | {"turned": 0}}
        assert "that EXIF turns" not in render(Report(title="", created="", images=images))

    def test_a_damaged_profile(self, folder: Path) -> None:
        _write(folder, {"profile.json": "{}"})
        with pytest.raises(DataError, match=r"profile\.json: not a recordmill profile \(name: "):
            report_of(str(folder))

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("stats/train.pb", "nothing", "not a DatasetFeatureStatisticsList"),
            ("rejects/train.jsonl", "[]\n", "not a file of rejects"),
        ],
    )
    def test_a_damaged_file(self, folder: Path, name: str, content: str, message: str) -> None:
        _write(folder, {name: content})
        with pytest.raises(DataError) as error:
            report_of(str(folder), manifest=_manifest())
        assert str(error.value).startswith(f"{folder / name}: {message} (")

    def test_no_dataset(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"manifest\.json: cannot be read"):
            report_of(str(tmp_path))


def test_write_report(folder: Path) -> None:
    write_report(str(folder), manifest=_manifest())
    page = (folder / "report.html").read_bytes().decode("utf-8")
    assert "\\ud800,1" in _Page(page).text, "a lone surrogate is no text"
    assert "a.csv:0" in _Page(page).text


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., Path]:
    def write(**options: Any) -> Path:
        pixels = [image_dataset.noise(8, 8, seed=seed) for seed in range(3)]
        pictures = [image_dataset.Picture(array) for array in pixels]
        return image_dataset.write_dataset(tmp_path / "pets", pictures, size=(8, 8), **options)

    return write


def test_sheets(images: Callable[..., Path]) -> None:
    report = report_of(str(images()))
    assert list(report.sheets) == ["train"], "no eval: it has no records"
    assert report.sheets["train"].startswith(b"\xff\xd8")
    assert "data:image/jpeg;base64," in render(report)
