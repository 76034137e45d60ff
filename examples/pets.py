"""Recipe for photos: `recordmill run examples/pets.py:RECIPE --output DIR --input FOLDER`."""

from recordmill.pipelines import Images, Recipe, Splitting
from recordmill.schemas import ImageSchema
from recordmill.transforms import images

CLASSES = ("cat", "dog")  # names of the folders, in the order of the class ids


def preprocessing_fn(inputs):
    """Convert bytes of files to pixels, and labels to ids; requests contain only the image."""
    return {
        "image": images.resized(inputs["image"], (160, 160)),  # the central square of each photo
        "label": images.class_ids(inputs["label"], CLASSES),
    }


RECIPE = Recipe(
    name="pets",
    schema=ImageSchema("classification", CLASSES),
    preprocessing_fn=preprocessing_fn,
    images=Images(storage="png", near_duplicates="drop"),  # exact pixels; each picture once
    split=Splitting({"train": 0.9, "eval": 0.1}),  # by content: equal files stay together
)
