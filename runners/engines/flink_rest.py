"""Flink's REST interface: a cluster goes on with a job after its job server was told to cancel."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

__all__ = ["cancel_flink_job"]

_SECONDS = 5.0
_APPEAR_SECONDS = 5.0
_POLL_SECONDS = 0.5
_ENDED = frozenset(["FINISHED", "CANCELED", "FAILED", "CANCELLING"])


def cancel_flink_job(master: str, job_name: str) -> bool:
    """Cancel the job of that name in a Flink cluster.

    A job server may be handing the job to the cluster, so a job that is not there is waited for,
    for five seconds.

    Args:
      master: Address of the cluster's REST interface, HOST:PORT or an URL.
      job_name: Name of the job, which should be unique.

    Returns:
      Whether there is such a job; it is cancelled, or had ended before.

    Raises:
      OSError: The cluster does not answer.
    """
    root = master.rstrip("/") if "://" in master else f"http://{master.rstrip('/')}"
    end_time = time.monotonic() + _APPEAR_SECONDS
    while True:
        jobs = [
            job for job in _call("GET", f"{root}/jobs/overview")["jobs"] if job["name"] == job_name
        ]
        for job in jobs:
            if job["state"] not in _ENDED:
                _call("PATCH", f"{root}/jobs/{job['jid']}?mode=cancel")
        if jobs or time.monotonic() > end_time:
            return bool(jobs)
        time.sleep(_POLL_SECONDS)


def _call(method: str, url: str) -> Any:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        return json.loads(response.read() or b"{}")
