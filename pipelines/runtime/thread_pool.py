"""DoFns that process several elements at once on threads.

Buckets and blocks are few and large, and their processing is C++ that releases the GIL, so a small
pool of threads uses every core of a laptop in one process. More processes would each have to load
TensorFlow.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

__all__ = ["ThreadedDoFn", "SerialDoFn", "ElementFn", "in_global_window"]


class ElementFn:
    """The processing of one element: a picklable object, called from several threads."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def __call__(self, *args: Any, **kwargs: Any) -> Iterable[Any]:
        """Return the outputs for an element and side inputs."""
        raise NotImplementedError

    def finish(self) -> Iterable[Any]:
        """Return the outputs deferred to the end of a bundle; no call is in progress."""
        return ()


class ThreadedDoFn(beam.DoFn):  # type: ignore[misc]
    """Calls `work` on each element in a pool of threads; outputs keep the order of the elements.

    Twice as many elements as threads are in flight at most, so memory is bounded by them.
    """

    def __init__(self, work: ElementFn, *, threads: int | None = None) -> None:
        self._work = work
        self._threads = threads

    def default_type_hints(self) -> None:
        """Return no hints: Beam would take `*side_inputs: Any` for one required side input."""

    def setup(self) -> None:
        """Set up the work and start the threads."""
        self._work.setup()
        threads = self._threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads)
        self._in_flight = 2 * threads

    def start_bundle(self) -> None:
        """Begin with no element in flight."""
        self._pending: deque[Future[list[Any]]] = deque()

    def process(self, element: Any, *side_inputs: Any) -> Iterator[Any]:
        """Submit an element, and yield outputs of earlier ones."""
        self._pending.append(self._pool.submit(_listed, self._work, element, *side_inputs))
        yield from self._outputs(keep=self._in_flight - 1)

    def finish_bundle(self) -> Iterator[Any]:
        """Yield the outputs of the elements in flight, and the deferred ones."""
        yield from map(in_global_window, self._outputs(keep=0))
        yield from map(in_global_window, self._work.finish())

    def _outputs(self, *, keep: int) -> Iterator[Any]:
        """Yield outputs in the order of the elements, until only `keep` are in flight."""
        try:
            while len(self._pending) > keep:
                yield from self._pending[0].result()
                self._pending.popleft()
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Cancel and await all calls, so that no thread writes files while the run cleans up."""
        for future in self._pending:
            future.cancel()
        wait(self._pending)

    def teardown(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)


def _listed(work: Callable[..., Iterable[Any]], element: Any, *side_inputs: Any) -> list[Any]:
    return list(work(element, *side_inputs))


def in_global_window(output: Any) -> Any:
    """Wrap an output, tagged or not, in the global window, as `finish_bundle` must return it."""
    if isinstance(output, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(output.tag, in_global_window(output.value))
    return WindowedValue(output, GlobalWindow().max_timestamp(), [GlobalWindow()])


class SerialDoFn(beam.DoFn):  # type: ignore[misc]
    """Calls `work` on one element at a time, and yields each output as soon as it exists."""

    def __init__(self, work: ElementFn) -> None:
        self._work = work

    def setup(self) -> None:
        """Set up the work."""
        self._work.setup()

    def default_type_hints(self) -> None:
        """Return no hints, as `ThreadedDoFn` does."""

    def process(self, element: Any, *side_inputs: Any) -> Iterable[Any]:
        """Return the outputs for an element."""
        return self._work(element, *side_inputs)

    def finish_bundle(self) -> Iterator[Any]:
        """Return the deferred outputs."""
        return map(in_global_window, self._work.finish())
