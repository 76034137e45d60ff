from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from helpers.real_data import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.row_selection import RowSelection
from recordmill.pipelines.config.splitting import Splitting
from recordmill.pipelines.runtime.elements import Reject, TextBatch
from recordmill.pipelines.selection.select import CleanBatch, check_filters
from recordmill.pipelines.shuffle.fingerprint import fingerprint
from recordmill.pipelines.shuffle.split import assign, sampled
from recordmill.pipelines.tables.clean import clean
from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger
from recordmill.schemas.schema import Schema

ADULT = DATA / "census"
SCHEMA = Schema(
    (
        Column("age", "int64", minimum=17, maximum=90),
        Column("job", "string", missing=("?",)),
        Column("share", "float32"),
        Column(
            "pay",
            "string",
            domain=("low", "high"),
            spelling=(("low.", "low"), ("high.", "high")),
            required=True,
            role="label",
        ),
    )
)


def _block(
    rows: list[tuple[str | None, ...]], schema: Schema = SCHEMA, split: str | None = "train"
) -> TextBatch:
    """A block as the reader makes them, of a file whose first record is on line 2."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(column, pa.string()).dictionary_encode() for column in columns]
    return TextBatch(
        split=split,
        file="in.csv",
        position=(0, 0),
        batch=pa.RecordBatch.from_arrays(arrays, names=list(schema.names)),
        lines=np.arange(2, 2 + len(rows)),
        raw=lambda row: ",".join(text or "" for text in rows[row]),
        records=len(rows),
        size=0,
    )


def _clean(block: TextBatch, schema: Schema = SCHEMA, **options: Any) -> CleanBatch:
    return clean(block, schema, RowSelection(**options))


def test_texts_become_typed_rows() -> None:
    cleaned = _clean(
        _block(
            [
                (" 39", " Clerk ", "0.5", " low"),
                ("17", "?", "", "high."),
                ("", "Clerk", "-0", "low."),
            ]
        )
    )
    assert cleaned.batch.schema == SCHEMA.arrow_schema()
    assert cleaned.batch.to_pydict() == {
        "age": [39, 17, None],
        "job": ["Clerk", None, "Clerk"],
        "share": [0.5, None, 0.0],
        "pay": ["low", "high", "low"],
    }
    assert cleaned.batch["job"].dictionary.to_pylist() == ["Clerk"]
    assert cleaned.batch["pay"].dictionary.to_pylist() == ["low", "high"]
    assert cleaned.rejects == ()
    assert cleaned.splits == ("train",)
    assert cleaned.split.tolist() == [0, 0, 0]
    assert cleaned.ledger == {"train": Ledger(read=3)}


def test_keys_are_of_the_whole_cleaned_row() -> None:
    cleaned = _clean(
        _block([("39", "Clerk", "1", "low"), (" 039", "Clerk ", "1.0", "low.")]), seed=5
    )
    hi, lo = fingerprint(cleaned.batch, SCHEMA.names, 5)
    assert cleaned.hi.tolist() == hi.tolist() and cleaned.lo.tolist() == lo.tolist()
    assert hi[0] == hi[1] and lo[0] == lo[1]


@pytest.mark.parametrize(
    ("row", "column", "reason", "message"),
    [
        (("?", "", "", "low"), "age", "not_an_integer", 'expected an integer in [17, 90], got "?"'),
        (("16", "", "", "low"), "age", "out_of_range", 'expected an integer in [17, 90], got "16"'),
        (
            ("9" * 20, "", "", "low"),
            "age",
            "integer_overflow",
            'expected an integer in [17, 90], got "99999999999999999999", which does not fit in '
            "int64",
        ),
        (("", "", "x", "low"), "share", "not_a_number", 'expected a finite number, got "x"'),
        (("", "", "nan", "low"), "share", "not_finite", 'expected a finite number, got "nan"'),
        (
            ("", "", "1e999", "low"),
            "share",
            "not_finite",
            'expected a finite number, got "1e999", which does not fit in float32',
        ),
        (
            ("", "", "", " Low "),
            "pay",
            "not_in_domain",
            'expected one of "low", "high", got "Low"',
        ),
        (
            ("", "", "", None),
            "pay",
            "missing_required",
            'expected one of "low", "high", got "", and the column is required',
        ),
        (
            ("", "", "", 'a"\né'),
            "pay",
            "not_in_domain",
            'expected one of "low", "high", got "a\\"\\né"',
        ),
        (
            ("", "", "", "x" * 101),
            "pay",
            "not_in_domain",
            f'expected one of "low", "high", got "{"x" * 100}…"',
        ),
    ],
)
def test_a_bad_value(row: tuple[str, ...], column: str, reason: str, message: str) -> None:
    good = ("40", "Clerk", "1", "low")
    cleaned = _clean(_block([good, row, good]))
    raw = ",".join(text or "" for text in row)
    assert cleaned.rejects == (Reject("in.csv", 3, column, reason, message, raw),)
    assert str(cleaned.rejects[0]) == f'in.csv:3: column "{column}": {message}'
    assert cleaned.batch.num_rows == len(cleaned.hi) == len(cleaned.split) == 2
    assert cleaned.rows.tolist() == [0, 2]
    assert cleaned.ledger == {"train": Ledger(read=3, rejected={reason: 1})}


def test_a_row_is_rejected_once_for_its_first_bad_column() -> None:
    cleaned = _clean(_block([("1", "", "x", ""), ("40", "", "x", "?")]))
    assert [(reject.line, reject.column) for reject in cleaned.rejects] == [
        (2, "age"),
        (3, "share"),
    ]
    assert cleaned.ledger["train"].rejected == {"not_a_number": 1, "out_of_range": 1}


def test_bad_values_can_be_clipped_or_taken_as_missing() -> None:
    schema = Schema(
        (
            Column("age", "int64", minimum=17, maximum=90, bad_value="clip"),
            Column("job", "string", domain=("Clerk",), bad_value="missing"),
        )
    )
    cleaned = _clean(_block([("3", "Clerk"), ("93", "Cook"), ("x", "Cook")], schema), schema)
    assert cleaned.batch.to_pydict() == {"age": [17, 90], "job": ["Clerk", None]}
    assert [reject.reason for reject in cleaned.rejects] == ["not_an_integer"]


def test_the_reader_s_rejects_stand_among_ours_by_line() -> None:
    ragged = Reject("in.csv", 3, None, "ragged", "expected 4 fields, got 5", "1,2,3,4,5")
    block = _block([("x", "", "", "low"), ("y", "", "", "low")])
    block = replace(block, lines=np.array([2, 4]), rejects=(ragged,), records=3)
    cleaned = _clean(block)
    assert [reject.line for reject in cleaned.rejects] == [2, 3, 4]
    assert cleaned.ledger == {"train": Ledger(read=3, rejected={"not_an_integer": 2, "ragged": 1})}


def test_a_record_the_parser_lost_breaks_the_sum() -> None:
    for split, entry in (("train", "train"), (None, "unsplit")):
        cleaned = _clean(replace(_block([("40", "", "", "low")], split=split), records=2))
        with pytest.raises(DataError, match=f"the ledger of {entry} does not add up"):
            written = cleaned.batch.num_rows if split else 0
            replace(cleaned.ledger[entry], written=written).check(entry)


def test_null_indices_and_null_values_are_missing() -> None:
    schema = Schema((Column("job", "string"),))
    indices = pa.array([0, None, 1, 2, 0], pa.int32())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["b", None, " ", "unused"]))
    block = replace(
        _block([("x",)] * 5, schema), batch=pa.RecordBatch.from_arrays([column], names=["job"])
    )
    cleaned = _clean(block, schema)
    assert cleaned.batch["job"].to_pylist() == ["b", None, None, None, "b"]
    assert cleaned.batch["job"].dictionary.to_pylist() == ["b"]


@pytest.mark.parametrize("split", ["train", None])
def test_no_rows(split: str | None) -> None:
    cleaned = _clean(_block([], split=split), filters=(pc.field("age") > 3,), sampling=0.5)
    assert cleaned.batch.schema == SCHEMA.arrow_schema()
    assert cleaned.batch.num_rows == len(cleaned.hi) == len(cleaned.lo) == len(cleaned.split) == 0
    assert sum(cleaned.ledger.values(), Ledger()) == Ledger()


ROWS = [(str(17 + i % 70), f"job{i % 97}", "", ["low", "high"][i % 2]) for i in range(3000)]


def test_filters_keep_rows_they_are_true_of() -> None:
    rows = [
        ("20", "a", "", "low"),
        ("", "a", "", "low"),
        ("30", "?", "", "low"),
        ("40", "a", "", "low"),
    ]
    filters = (pc.field("age") >= 30, pc.field("job") == "a")
    cleaned = _clean(_block(rows), filters=pickle.loads(pickle.dumps(filters)))
    assert cleaned.batch["age"].to_pylist() == [40]
    assert cleaned.rows.tolist() == [3]
    assert cleaned.ledger == {"train": Ledger(read=4, filtered=3)}
    assert _clean(_block(rows), filters=(pc.field("job").is_null(),)).batch["age"].to_pylist() == [
        30
    ]


def test_a_filter_that_fails_on_the_data() -> None:
    condition = pc.divide(pc.field("age"), pc.field("age") - 20) > 3
    check_filters((condition,), SCHEMA)
    with pytest.raises(DataError, match=r"^in\.csv: filter .*: divide by zero$"):
        _clean(_block([("20", "", "", "low")]), filters=(condition,))


@given(st.integers(0, 2**63), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_sampling_goes_by_content(seed: int, ratio: float) -> None:
    whole = _clean(_block(ROWS), seed=seed)
    cleaned = _clean(_block(ROWS), sampling=ratio, seed=seed)
    kept = sampled(whole.lo, ratio, seed)
    assert cleaned.hi.tolist() == whole.hi[kept].tolist()
    assert cleaned.ledger == {"train": Ledger(read=3000, sampled_out=int((~kept).sum()))}


def test_content_decides_the_split_where_the_input_does_not() -> None:
    rows = [*ROWS, ("x", "", "", "low")]
    cleaned = _clean(_block(rows, split=None), filters=(pc.field("age") > 20,), sampling=0.5)
    whole = _clean(_block(ROWS, split=None))
    split = assign(whole.lo, {"train": 0.8, "eval": 0.2}, 0)
    passed = whole.batch["age"].to_numpy() > 20
    kept = passed & sampled(whole.lo, 0.5, 0)
    assert cleaned.rows.tolist() == np.flatnonzero(kept).tolist()
    assert cleaned.splits == ("train", "eval")
    assert cleaned.split.tolist() == split[kept].tolist()
    assert cleaned.ledger == {
        **{
            name: Ledger(
                read=int((split == i).sum()),
                filtered=int(((split == i) & ~passed).sum()),
                sampled_out=int(((split == i) & passed & ~kept).sum()),
            )
            for i, name in enumerate(cleaned.splits)
        },
        "unsplit": Ledger(read=1, rejected={"not_an_integer": 1}),
    }
    for i, name in enumerate(cleaned.splits):
        replace(cleaned.ledger[name], written=int((cleaned.split == i).sum())).check(name)


def test_rows_of_equal_key_columns_stay_together() -> None:
    splitting = Splitting({"train": 0.5, "eval": 0.5}, columns=("job",))
    cleaned = _clean(_block(ROWS, split=None), splitting=splitting, sampling=0.6)
    splits: dict[str, set[int]] = {}
    for job, split in zip(cleaned.batch["job"].to_pylist(), cleaned.split, strict=True):
        splits.setdefault(job, set()).add(int(split))
    assert all(len(found) == 1 for found in splits.values())
    assert {1, 0} == {split for found in splits.values() for split in found}
    assert 30 < len(splits) < 85  # whole groups are sampled out
    keys = set(zip(cleaned.hi.tolist(), cleaned.lo.tolist(), strict=True))
    assert len(keys) == len(set(map(tuple, cleaned.batch.to_pandas().astype(str).to_numpy())))


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from(["", "20", "30 ", "x", "?", "low", "low.", "high"])] * 4)),
    st.integers(0, 20),
)
def test_blocks_do_not_matter(rows: list[tuple[str, ...]], cut: int) -> None:
    whole = _clean(_block(rows, split=None))
    parts = [_clean(_block(part, split=None)) for part in (rows[:cut], rows[cut:])]
    table = pa.Table.from_batches([part.batch for part in parts])
    assert table.to_pydict() == whole.batch.to_pydict()
    assert np.concatenate([part.hi for part in parts]).tolist() == whole.hi.tolist()
    assert np.concatenate([part.split for part in parts]).tolist() == whole.split.tolist()
    for name, entry in whole.ledger.items():
        assert parts[0].ledger[name] + parts[1].ledger[name] == Ledger() + entry
    for column in ("job", "pay"):
        used = whole.batch[column].drop_null()
        assert sorted(whole.batch[column].dictionary.to_pylist()) == sorted(set(used.to_pylist()))


def test_what_cleaning_gives_is_clean() -> None:
    rows = [(" 20", "a ", "0.1", "low."), ("33", "?", "1e-3", "high")]
    first = _clean(_block(rows)).batch
    again = [["" if v is None else str(v) for v in row.values()] for row in first.to_pylist()]
    second = _clean(_block([tuple(row) for row in again])).batch
    assert second.to_pydict() == first.to_pydict()


@pytest.mark.skipif(not ADULT.is_dir(), reason=f"no real data at {ADULT}")
@pytest.mark.parametrize(
    ("file", "rows", "unknown", "repeats", "above"),
    [("adult.data", 32561, 2399, 24, 7841), ("adult.test", 16281, 1221, 5, 3846)],
)
def test_the_adult_files(file: str, rows: int, unknown: int, repeats: int, above: int) -> None:
    cleaned = _clean(_adult_block(file), CENSUS)
    assert cleaned.rejects == ()
    assert cleaned.ledger == {"train": Ledger(read=rows)}
    income = cleaned.batch["income"]
    assert sorted(income.dictionary.to_pylist()) == ["<=50K", ">50K"]
    assert income.to_pylist().count(">50K") == above
    nulls = [column.is_null().to_numpy(zero_copy_only=False) for column in cleaned.batch.columns]
    assert np.logical_or.reduce(nulls).sum() == unknown
    assert rows - len(set(zip(cleaned.hi.tolist(), cleaned.lo.tolist(), strict=True))) == repeats
    assert math.isclose(cleaned.batch["age"].to_numpy().mean(), 38.6, abs_tol=0.2)


def _adult_block(file: str) -> TextBatch:
    kind = pa.dictionary(pa.int32(), pa.string())
    text = (ADULT / file).read_bytes()
    first = text.index(b"\n") + 1 if text.startswith(b"|") else 0
    table = pyarrow.csv.read_csv(
        pa.py_buffer(text[first:]),
        read_options=pyarrow.csv.ReadOptions(column_names=list(CENSUS.names), block_size=1 << 23),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(CENSUS.names, kind)),
    )
    batch = table.combine_chunks().to_batches()[0]
    lines = np.arange(batch.num_rows)
    return TextBatch("train", file, (0, 0), batch, lines, str, batch.num_rows, len(text))
