"""`recordmill verify`: reads and hashes every shard of a dataset again."""

from __future__ import annotations

from argparse import ArgumentParser

from ..schemas.wording import count_of
from .logging_setup import start_tensorflow

__all__ = ["add_arguments", "verify"]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill verify`."""
    parser.set_defaults(function=verify)
    parser.add_argument("directory", metavar="DIR", help="folder of the dataset")
    parser.add_argument(
        "--parity",
        metavar="MODEL",
        help="also compare an exported model with the stored records",
    )


def verify(directory: str, *, parity: str | None) -> int:
    """Check every byte of a dataset, and an exported model against it; print the result.

    Args:
      directory: Folder of the dataset.
      parity: Folder of an exported SavedModel, or None.

    Raises:
      DataError: The dataset is damaged, or the model does not agree with it.
    """
    if parity is not None:
        start_tensorflow()
    from ..pipelines.verify import verify as verify_dataset

    report = verify_dataset(directory, parity=parity)
    shards = count_of(len(report.shards), "shard")
    print(
        f"{directory}: good. {report.records:,} records in {shards}, "
        f"{report.bytes / 1e6:,.1f} MB, each hashed and read; ledger, graph and parity hold."
    )
    if report.parity is not None:
        print(f"{parity}: {report.parity.compared}: {report.parity.result}")
        for note in report.parity.notes:
            print(f"note: {note}")
    return 0
