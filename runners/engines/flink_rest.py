"""Flink's REST interface: a cluster goes on with a job after its job server was told to cancel."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

__all__ = ["cancel_flink_jobs"]

_SECONDS = 5.0
_ENDED = frozenset(["FINISHED", "CANCELED", "FAILED", "CANCELLING"])


def cancel_flink_jobs(master: str, job_name: str) -> int:
    """Cancel the jobs of that name in a Flink cluster.

    Args:
      master: Address of the cluster's REST interface, HOST:PORT or an URL.
      job_name: Name of the job, which should be unique.

    Returns:
      The number of jobs that were cancelled.

    Raises:
      OSError: The cluster does not answer.
    """
    root = master.rstrip("/") if "://" in master else f"http://{master.rstrip('/')}"
    jobs = [
        job
        for job in _call("GET", f"{root}/jobs/overview")["jobs"]
        if job["name"] == job_name and job["state"] not in _ENDED
    ]
    for job in jobs:
        _call("PATCH", f"{root}/jobs/{job['jid']}?mode=cancel")
    return len(jobs)


def _call(method: str, url: str) -> Any:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        return json.loads(response.read() or b"{}")
