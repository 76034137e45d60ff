"""The key `time_zone`: one zone for the dates of a recipe, in runs and in requests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.recipes.file import recipe_of_text
from recordmill.schemas import RecipeError
from recordmill.transforms import load
from recordmill.transforms.recipe.declared import Declared, Step

COLUMNS = """\
columns:
  when: {type: string}
  label: {type: int64, role: label}
"""
TEXT = (
    COLUMNS
    + """\
transforms:
  hour: {of: when, steps: {date_part: hour}}
  local: {of: when, steps: {date_part: {part: hour, time_zone: "-05:00"}}}
  days: {of: when, steps: days_since}
  turn: {of: when, steps: {cyclical_date: week}}
time_zone: Europe/Berlin
"""
)


def test_the_key_is_the_zone_of_all_steps_that_name_none() -> None:
    function = recipe_of_text(TEXT, name="times", folder="").preprocessing_fn
    assert isinstance(function, Declared)
    berlin = {"time_zone": "Europe/Berlin"}
    assert [feature.steps[0] for feature in function.features[:4]] == [
        Step("date_part", {"part": "hour"} | berlin),
        Step("date_part", {"part": "hour", "time_zone": "-05:00"}),
        Step("days_since", berlin),
        Step("cyclical_date", {"period": "week"} | berlin),
    ]


def test_an_offset_is_text() -> None:
    text = TEXT.replace("Europe/Berlin", "+02:00")
    function = recipe_of_text(text, name="times", folder="").preprocessing_fn
    assert isinstance(function, Declared)
    assert function.features[2].steps == (Step("days_since", {"time_zone": "+02:00"}),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            TEXT.replace("Europe/Berlin", "Berlin"),
            'recipe.yaml:9: time_zone: expected a time zone such as "UTC", "+02:00" or '
            '"Europe/Berlin", got "Berlin"; did you mean "Europe/Berlin"?',
        ),
        (
            COLUMNS + "preprocessing_fn: math:sin\ntime_zone: UTC\n",
            "recipe.yaml:5: time_zone: is for transforms; a function gives it to its operations on "
            "dates itself",
        ),
    ],
)
def test_what_is_wrong_with_it(text: str, problem: str) -> None:
    with pytest.raises(RecipeError) as error:
        recipe_of_text(text, name="times", folder="")
    assert str(error.value) == problem


@pytest.mark.slow
def test_parquet_in_a_zone_trains_as_any_request_is_served(tmp_path: Path) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, 12, tzinfo=timezone.utc)
    moments = [start + timedelta(minutes=17 * index) for index in range(100)]
    when = pa.array(moments, pa.timestamp("us", "America/New_York"))
    pq.write_table(pa.table({"when": when, "label": range(100)}), tmp_path / "a.parquet")
    recipe = recipe_of_text(TEXT, name="times", folder=str(tmp_path))
    inputs = [Input("train", str(tmp_path / "a.parquet"))]
    prepare(recipe, output=str(tmp_path / "out"), inputs=inputs)

    data = load(str(tmp_path / "out"))
    stored = {int(row["label"]): row for row in data.to_pandas("train").to_dict("records")}
    assert [stored[index]["hour"] for index in range(100)] == [
        moment.astimezone(zone).hour for moment in moments
    ]
    ways = (zone, timezone.utc, timezone(timedelta(hours=-9, minutes=-30)))
    for way in ways:
        request = [moment.astimezone(way).isoformat() for moment in moments]
        served = data.transform({"when": request})
        for name in ("hour", "local", "days"):
            expected = [stored[index][name] for index in range(100)]
            assert served[name].numpy().tolist() == expected
    clocks = [moment.astimezone(zone).replace(tzinfo=None).isoformat() for moment in moments]
    assert data.transform({"when": clocks})["hour"].numpy().tolist() == [
        stored[index]["hour"] for index in range(100)
    ]
