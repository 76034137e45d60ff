"""A ParDo whose elements are worked on by a few threads at once.

Buckets and blocks are few and large, and their work is C++ that lets go of the interpreter, so a
small pool of threads uses every core of a laptop in one process, without a second start-up.
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
    """What is done to one element: a picklable object, called from several threads."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def __call__(self, *args: Any, **kwargs: Any) -> Iterable[Any]:
        """The outputs for an element and side inputs."""
        raise NotImplementedError

    def finish(self) -> Iterable[Any]:
        """The outputs that were held back, at the end of a bundle; no call is under way."""
        return ()


class ThreadedDoFn(beam.DoFn):  # type: ignore[misc]
    """Calls `work` on each element in a pool of threads; outputs keep the order of the elements.

    Twice as many elements as threads are in flight at most, so memory is bounded by them.
    """

    def __init__(self, work: ElementFn, *, threads: int | None = None) -> None:
        self._work = work
        self._threads = threads

    def default_type_hints(self) -> None:
        """None: Beam takes `*side_inputs: Any` for one that must be given."""

    def setup(self) -> None:
        self._work.setup()
        threads = self._threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads)
        self._in_flight = 2 * threads

    def start_bundle(self) -> None:
        self._pending: deque[Future[list[Any]]] = deque()

    def process(self, element: Any, *side_inputs: Any) -> Iterator[Any]:
        self._pending.append(self._pool.submit(_listed, self._work, element, *side_inputs))
        yield from self._outputs(keep=self._in_flight - 1)

    def finish_bundle(self) -> Iterator[Any]:
        yield from map(in_global_window, self._outputs(keep=0))
        yield from map(in_global_window, self._work.finish())

    def _outputs(self, *, keep: int) -> Iterator[Any]:
        """The outputs of the elements that were first, while more than `keep` are in flight."""
        try:
            while len(self._pending) > keep:
                yield from self._pending[0].result()
                self._pending.popleft()
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """End all that is in flight, so that no thread writes on while the run cleans up."""
        for future in self._pending:
            future.cancel()
        wait(self._pending)

    def teardown(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _listed(work: Callable[..., Iterable[Any]], element: Any, *side_inputs: Any) -> list[Any]:
    return list(work(element, *side_inputs))


def in_global_window(output: Any) -> Any:
    """What `finish_bundle` of a DoFn must give: the value, tagged or not, in its window."""
    if isinstance(output, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(output.tag, in_global_window(output.value))
    return WindowedValue(output, GlobalWindow().max_timestamp(), [GlobalWindow()])


class SerialDoFn(beam.DoFn):  # type: ignore[misc]
    """Calls `work` on one element after the other and hands on each output as it comes."""

    def __init__(self, work: ElementFn) -> None:
        self._work = work

    def setup(self) -> None:
        self._work.setup()

    def default_type_hints(self) -> None:
        """None, as of `ThreadedDoFn`."""

    def process(self, element: Any, *side_inputs: Any) -> Iterable[Any]:
        return self._work(element, *side_inputs)

    def finish_bundle(self) -> Iterator[Any]:
        return map(in_global_window, self._work.finish())
