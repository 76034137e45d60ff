"""The census recipe against stock tensorflow_transform on the published rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from recordmill.pipelines import Input, find_recipe, prepare
from recordmill.pipelines.analysis.tensors import SchemaTensorAdapter
from recordmill.pipelines.config.row_selection import RowSelection
from recordmill.pipelines.readers.csv_stages import ReadCsv
from recordmill.pipelines.tables.clean import clean

CENSUS = find_recipe("census")
VOCABULARIES = (
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native-country",
)


@pytest.mark.slow
def test_vocabularies_are_those_of_stock_tensorflow_transform(adult: Path, tmp_path: Path) -> None:
    train = Input("train", str(adult / "adult.data"))
    prepare(CENSUS, output=str(tmp_path / "ours"), inputs=[train])
    feed = SchemaTensorAdapter(CENSUS.schema)
    with (
        beam.Pipeline(FnApiRunner()) as p,
        tft_beam.Context(temp_dir=tempfile.mkdtemp(dir=tmp_path)),
    ):
        read = p | ReadCsv(
            [train], column_names=CENSUS.schema.names, csv_format=CENSUS.csv, block_bytes=1 << 20
        )
        batches = (
            read.blocks
            | beam.Map(lambda block: clean(block, CENSUS.schema, RowSelection()))
            | "ToArrow" >> beam.Map(lambda cleaned: feed.to_arrow(cleaned.batch))
        )
        analyzed = (batches, feed.tensor_adapter_config()) | tft_beam.AnalyzeDataset(
            CENSUS.preprocessing_fn
        )
        _ = analyzed | tft_beam.WriteTransformFn(str(tmp_path / "stock"))
    ours, stock = (tft.TFTransformOutput(str(tmp_path / name)) for name in ("ours", "stock"))
    for name in VOCABULARIES:
        assert ours.vocabulary_by_name(name) == stock.vocabulary_by_name(name), name
    assert ours.transformed_metadata.schema == stock.transformed_metadata.schema
