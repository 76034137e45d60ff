from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.anomaly_cases import examine_here, examined_here

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.validation.blocks import merge
from recordmill.pipelines.validation.examine import examine
from recordmill.pipelines.validation.observed import summarize
from recordmill.schemas.anomalies.observed import BadValues, InputSummary
from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.schema import Schema

SCHEMA = Schema(
    (
        Column("age", "int64", minimum=17, maximum=90, missing=("?",)),
        Column("share", "float32", bad_value="missing"),
        Column("pay", "string", domain=("low", "high"), spelling=(("low.", "low"),), required=True),
    )
)


def look(folder: Path, text: str | bytes, name: str = "a.csv") -> InputSummary:
    """Examine a file block by block, without a pipeline."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return examine_here(SCHEMA, inputs=[str(path)])


def counts(observed: InputSummary) -> dict[str, tuple[int, int]]:
    """Return (present, missing) of each column."""
    counts_by_column = {}
    for feature in observed.statistics.features:
        common = getattr(feature, feature.WhichOneof("stats") or "").common_stats
        counts_by_column[feature.path.step[0]] = (common.num_non_missing, common.num_missing)
    return counts_by_column


def seen(observed: InputSummary) -> dict[str, dict[str, dict[str, tuple[int, str]]]]:
    """Return the bad values, with lines that name the file without its folder."""
    return {
        name: {reason: _places(bad) for reason, bad in reasons.items()}
        for name, reasons in observed.bad.items()
    }


def _places(bad: BadValues) -> dict[str, tuple[int, str]]:
    return {text: (count, Path(line).name) for text, (count, line) in bad.values.items()}


def test_every_bad_value_of_every_column_is_counted(tmp_path: Path) -> None:
    text = (
        "age,share,pay\n"
        "200,x,low\n"
        "16,nan,mid\n"
        "1.5,1e999,low.\n"
        "99999999999999999999,0.5,\n"
        "x,?,high\n"
        "?,,mid\n"
        "200,0.5,low\n"
    )
    observed = look(tmp_path, text)
    assert observed.rows == 7
    assert seen(observed) == {
        "age": {
            "above_maximum": {"200": (2, "a.csv:2")},
            "below_minimum": {"16": (1, "a.csv:3")},
            "fraction": {"1.5": (1, "a.csv:4")},
            "integer_overflow": {"99999999999999999999": (1, "a.csv:5")},
            "not_an_integer": {"x": (1, "a.csv:6")},
        },
        "share": {
            "not_a_number": {"x": (1, "a.csv:2"), "?": (1, "a.csv:6")},
            "nan": {"nan": (1, "a.csv:3")},
            "infinite": {"1e999": (1, "a.csv:4")},
        },
        "pay": {
            "not_in_domain": {"mid": (2, "a.csv:3")},
            "missing_required": {"": (1, "a.csv:5")},
        },
    }
    # Values of another type are neither present nor missing, but where bad_value says so; those
    # out of range are present.
    assert counts(observed) == {"age": (3, 1), "share": (2, 5), "pay": (6, 1)}
    stats = observed.statistics.features[0].num_stats
    assert (stats.min, stats.max) == (16, 200)


def test_values_that_a_run_clips_are_described_as_clipped(tmp_path: Path) -> None:
    schema = Schema((Column("age", "int64", minimum=17, maximum=90, bad_value="clip"),))
    path = tmp_path / "a.csv"
    path.write_text("age\n200\n16\n40\nx\n")
    observed = examine_here(schema, inputs=[str(path)])
    stats = observed.statistics.features[0].num_stats
    assert (stats.min, stats.max, stats.common_stats.num_non_missing) == (17, 90, 3)
    assert list(observed.bad["age"]) == ["above_maximum", "below_minimum", "not_an_integer"]


def test_any_header(tmp_path: Path) -> None:
    observed = look(tmp_path, "pay, zip ,age\nlow,7,20\nlow,,30\n")
    path = str(tmp_path / "a.csv")
    assert observed.absent == {"share": (path,)}
    assert observed.reordered == (path,)
    assert observed.columns == ("pay", "zip", "age")
    assert counts(observed) == {"age": (2, 0), "pay": (2, 0), "zip": (1, 1)}
    assert observed.files == (path,)


@pytest.mark.parametrize(
    ("values", "kind"),
    [("1,2,3", "INT"), ("1,2.5,3", "FLOAT"), ("1,x,3", "STRING"), (",,", "STRING")],
)
def test_the_type_of_a_new_column(tmp_path: Path, values: str, kind: str) -> None:
    rows = "".join(f"20,1,low,{value}\n" for value in values.split(","))
    feature = look(tmp_path, f"age,share,pay,new\n{rows}").statistics.features[3]
    assert feature.Type.Name(feature.type) == kind


def test_a_column_without_a_name(tmp_path: Path) -> None:
    observed = look(tmp_path, ",age,share,pay\n0,20,1,low\n")
    assert counts(observed)["column_1"] == (1, 0)


def test_without_a_header_columns_are_in_schema_order(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("20,1,low,new\n")
    observed = examine_here(SCHEMA, inputs=[str(path)], csv_format=CsvFormat(header=False))
    assert counts(observed) == {"age": (1, 0), "share": (1, 0), "pay": (1, 0), "column 4": (1, 0)}
    path.write_text("20,1\n")
    observed = examine_here(SCHEMA, inputs=[str(path)], csv_format=CsvFormat(header=False))
    assert observed.absent == {"pay": (str(path),)}


def test_records_that_are_no_rows(tmp_path: Path) -> None:
    observed = look(tmp_path, "age,share,pay\n20,1,low\n20,1\n20,1,low,x\n")
    assert observed.rows == 1
    assert {reason: _places(bad) for reason, bad in observed.records.items()} == {
        "too_few_fields": {"expected 3 fields, got 2": (1, "a.csv:3")},
        "too_many_fields": {"expected 3 fields, got 4": (1, "a.csv:4")},
    }


def test_json_lines(tmp_path: Path) -> None:
    lines = (
        '{"age": 20, "pay": "low", "new": true}\n'
        "\n"
        '{"age": 1.5, "share": null}\n'
        "[1]\n"
        "{\n"
        '{"pay": "\\ud800"}\n'
    )
    observed = look(tmp_path, lines, "a.jsonl")
    assert observed.requests
    assert observed.absent == {} and observed.reordered == ()
    assert counts(observed) == {"age": (1, 1), "share": (0, 3), "pay": (2, 1), "new": (1, 2)}
    assert seen(observed) == {
        "age": {"fraction": {"1.5": (1, "a.jsonl:3")}},
        "pay": {
            "missing_required": {"": (1, "a.jsonl:3")},
            "not_in_domain": {"\\ud800": (1, "a.jsonl:6")},
        },
    }
    assert [text.split(":")[0] for text in observed.records["not_json"].values] == [
        "expected a JSON object, got another value",
        "expected a JSON object, got text that is no JSON",
    ]


@pytest.mark.parametrize(("name", "pack"), [("a.csv", gzip.compress), ("a.csv", bz2.compress)])
def test_compressed(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    assert counts(look(tmp_path, pack(b"age,share,pay\n20,1,low\n"), name))["age"] == (1, 0)


def test_parquet(tmp_path: Path) -> None:
    table = pa.table({"pay": ["low", None], "age": [20.5, 30.0], "more": [1, 2]})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    observed = look(tmp_path, path.read_bytes(), "a.parquet")
    assert observed.absent == {"share": (str(path),)}
    assert seen(observed)["age"]["fraction"]["20.5"] == (1, "a.parquet:1")
    assert counts(observed)["more"] == (2, 0)


def test_blocks_do_not_matter(tmp_path: Path) -> None:
    rows = [f"{age},{age / 7},{'low' if age % 3 else 'mid'}" for age in range(500)]
    parts = []
    for number in range(5):
        path = tmp_path / f"{number}.csv"
        path.write_text("age,share,pay\n" + "\n".join(rows[100 * number : 100 * number + 100]))
        parts.append(examined_here(SCHEMA, [str(path)], CsvFormat()))
    (tmp_path / "all.csv").write_text("age,share,pay\n" + "\n".join(rows))
    expected = examine_here(SCHEMA, inputs=[str(tmp_path / "all.csv")])
    merged = summarize(merge(SCHEMA, [merge(SCHEMA, parts[:2]), merge(SCHEMA, parts[2:])]), SCHEMA)
    assert merged.statistics == expected.statistics
    for name, reasons in expected.bad.items():
        for reason, bad in reasons.items():
            assert merged.bad[name][reason].count == bad.count
            assert len(bad.values) <= 100


def test_a_header_that_names_a_column_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'a\.csv: the header names "age" 2 times'):
        look(tmp_path, "age,age,pay\n1,2,low\n")


@pytest.mark.parametrize("content", [b"", b"\xff\xfea\x00", b"\xe9,share,pay\n1,2,low\n"])
def test_files_that_are_no_csv(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.csv"):
        look(tmp_path, content)


def test_the_pipeline(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,share,pay\n20,1,low\n200,1,low\n")
    (tmp_path / "b.csv").write_text("pay,age\nmid,\n")
    (tmp_path / "c.csv").write_text("share,pay,age\n")
    observed = examine(SCHEMA, inputs=[str(tmp_path / "*.csv")])
    assert observed.rows == 3
    assert seen(observed) == {
        "age": {"above_maximum": {"200": (1, "a.csv:3")}},
        "pay": {"not_in_domain": {"mid": (1, "b.csv:2")}},
    }
    assert [Path(path).name for path in observed.absent["share"]] == ["b.csv"]
    assert [Path(path).name for path in observed.reordered] == ["b.csv", "c.csv"]
    with pytest.raises(DataError) as error:
        examine(SCHEMA, inputs=[str(tmp_path / "none*")])
    assert str(error.value).startswith("no file matches")


def test_an_error_of_a_worker_is_raised_unchanged(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(DataError) as error:
        examine(SCHEMA, inputs=[str(tmp_path / "a.csv")])
    assert str(error.value) == f"{tmp_path}/a.csv: the file is empty (0 bytes): expected CSV text"


def test_the_real_census(adult: Path) -> None:
    csv_format = CsvFormat(header=False, comment="|")
    observed = examine(CENSUS, inputs=[str(adult / "adult.data")], csv_format=csv_format)
    assert observed.rows == 32561
    assert observed.bad == {} and observed.records == {}
    missing = {name: lacks for name, (_, lacks) in counts(observed).items() if lacks}
    assert missing == {"workclass": 1836, "occupation": 1843, "native-country": 583}


SPELLED = Schema((Column("a-b", "int64"), Column("a b", "int64"), Column("c-d", "int64")))


def requests_in(path: Path, text: str) -> InputSummary:
    path.write_text(text)
    return examine_here(SPELLED, inputs=[str(path)], requests=True)


def test_requests_name_columns_as_a_signature_does(tmp_path: Path) -> None:
    lines = [
        '{"a-b": 1, "c_d": 2}',
        '{"c-d": 3, "e_f": 4}',
        '{"a_b": 1}',
        '{"c-d": 3, "c_d": 4}',
        '{"c-d": 3, "c-d": 4}',
    ]
    observed = requests_in(tmp_path / "a.jsonl", "\n".join(lines))
    assert counts(observed) == {"a-b": (1, 1), "a b": (0, 2), "c-d": (2, 0), "e_f": (1, 1)}
    messages = observed.records["bad_names"].values
    assert [Path(line).name for _, line in messages.values()] == [
        "a.jsonl:3",
        "a.jsonl:4",
        "a.jsonl:5",
    ]
    first, *others = messages
    assert first.startswith(
        'expected the name of one column, got "a_b", which stands for "a-b" and "a b"; name the'
    )
    assert others == [
        'expected the column "c-d" once, got it as "c-d" and as "c_d"; leave one out',
        'expected the field "c-d" once; leave the others out',
    ]


def test_files_of_requests_do_so_too(tmp_path: Path) -> None:
    observed = requests_in(tmp_path / "a.csv", "c_d,a-b,e\n1,2,3\n")
    assert counts(observed) == {"a-b": (1, 0), "c-d": (1, 0), "e": (1, 0)}
    assert observed.columns == ("c-d", "a-b", "e")
    pq.write_table(pa.table({"c_d": [1, 2]}), tmp_path / "a.parquet")
    observed = examine_here(SPELLED, inputs=[str(tmp_path / "a.parquet")], requests=True)
    assert counts(observed) == {"c-d": (2, 0)}
    with pytest.raises(DataError) as error:
        requests_in(tmp_path / "a.csv", "c_d,c-d\n1,2\n")
    assert str(error.value) == (
        f'{tmp_path}/a.csv: the header: expected the column "c-d" once, got it as "c_d" and as '
        '"c-d"; leave one out'
    )


def test_files_to_train_on_are_named_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("c_d\n1\n")
    observed = examine_here(SPELLED, inputs=[str(tmp_path / "a.csv")])
    assert counts(observed) == {"c_d": (1, 0)}
