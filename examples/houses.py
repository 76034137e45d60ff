"""Recipe in Python: `recordmill run examples/houses.py:RECIPE --output DIR --input CSV`."""

from recordmill.pipelines import CsvFormat, Recipe, Splitting
from recordmill.schemas import Column, Schema
from recordmill.transforms import categorical, cleaning, numeric

SCHEMA = Schema(
    (
        Column("rooms", "float32", "Mean rooms per dwelling.", minimum=1, maximum=20),
        Column("river", "string", "Whether the tract bounds the river.", missing=("n/a",)),
        Column("price", "float32", "Median price.", unit="1000 USD", required=True, role="label"),
    )
)


def preprocessing_fn(inputs):
    """Return the features, with the contract of tensorflow-transform."""
    raw = cleaning.clean(inputs, SCHEMA)  # requests need this too
    return {
        "rooms": numeric.z_score(raw["rooms"]),
        "river": categorical.vocabulary_ids(raw["river"], vocab_filename="river"),
        "price": raw["price"],
    }


RECIPE = Recipe(
    name="houses",
    schema=SCHEMA,
    preprocessing_fn=preprocessing_fn,
    csv=CsvFormat(header=True),
    split=Splitting({"train": 0.9, "eval": 0.1}),  # by content: equal rows stay together
)
