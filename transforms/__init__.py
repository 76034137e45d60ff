"""Functions of tensors for a `preprocessing_fn`, and the loader of a prepared dataset.

from recordmill.transforms import load                  needs only tensorflow
from recordmill.transforms import categorical, numeric   for any preprocessing_fn
"""

from .dataset.loader import load

__all__ = ["load"]
