"""Engines behind `--runner prism`, `flink` and `spark`: job servers, workers and jobs."""
