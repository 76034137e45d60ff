"""Elements processed by a few threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.pvalue import AsSingleton, TaggedOutput
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from recordmill.pipelines.runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn


class Slow(ElementFn):
    """Sleeps for the time that an element says; records how many are processed at once."""

    def setup(self) -> None:
        self.lock = threading.Lock()
        self.working = self.most = 0

    def __call__(self, element: int, offset: int = 0) -> Iterator[Any]:
        with self.lock:
            self.working += 1
            self.most = max(self.most, self.working)
        time.sleep(0.01 * (element % 3))
        with self.lock:
            self.working -= 1
        yield element + offset
        yield TaggedOutput("most", self.most)


class Fails(ElementFn):
    """Fails at once on the first element; writes a file after a while for the others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, element: int) -> list[int]:
        if element == 0:
            raise ValueError("no")
        time.sleep(0.2)
        (self.folder / str(element)).touch()
        return [element]


def test_outputs_keep_the_order_of_the_elements(tmp_path: Path) -> None:
    with beam.Pipeline(FnApiRunner()) as p:
        offset = p | "Offset" >> beam.Create([100])
        work = beam.ParDo(ThreadedDoFn(Slow(), threads=3), AsSingleton(offset))
        outputs = p | beam.Create([list(range(20))]) | beam.FlatMap(list)
        outputs = outputs | work.with_outputs("most", main="main")
        for name in ("main", "most"):
            _ = outputs[name] | f"Write {name}" >> beam.io.WriteToText(
                str(tmp_path / name), shard_name_template=""
            )
    assert (tmp_path / "main").read_text().split() == [str(100 + i) for i in range(20)]
    assert max(map(int, (tmp_path / "most").read_text().split())) == 3


def test_no_thread_works_on_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), beam.Pipeline(FnApiRunner()) as p:
        _ = (
            p
            | beam.Create([list(range(10))])
            | beam.FlatMap(list)
            | beam.ParDo(ThreadedDoFn(Fails(tmp_path), threads=2))
        )
    written = set(tmp_path.iterdir())
    time.sleep(0.5)
    assert set(tmp_path.iterdir()) == written


class Holds(ElementFn):
    """Returns the elements of a bundle at its end."""

    def setup(self) -> None:
        self.elements: list[int] = []

    def __call__(self, element: int, *side_inputs: Any) -> list[int]:
        time.sleep(0.01 * (element % 3))
        self.elements.append(element)
        return []

    def finish(self) -> list[int]:
        elements, self.elements = self.elements, []
        return sorted(elements)


@pytest.mark.parametrize("do_fn", [ThreadedDoFn, SerialDoFn])
def test_deferred_outputs_come_at_the_end_of_a_bundle(
    tmp_path: Path, do_fn: type[beam.DoFn]
) -> None:
    with beam.Pipeline(FnApiRunner()) as p:
        _ = (
            p
            | beam.Create([list(range(20))])
            | beam.FlatMap(list)
            | beam.ParDo(do_fn(Holds()))
            | beam.io.WriteToText(str(tmp_path / "held"), shard_name_template="")
        )
    assert (tmp_path / "held").read_text().split() == [str(i) for i in range(20)]
