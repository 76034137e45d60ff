"""The folder of the real data, beside the checkout; tests that need it are skipped without it."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
