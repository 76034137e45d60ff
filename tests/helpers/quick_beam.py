"""Beam, with a memory: what it asks anew of the same functions and options is answered once.

Building a pipeline inspects every method of each DoFn several times, and parses the flags of the
options at each step: a third of the time of a run on a few rows. The answers never change, so
tests remember them where `--quick-beam` asks for it, as `make quick` does. All other tests, and
each process that a test starts, have Beam as it is.
"""

from __future__ import annotations

from functools import cache
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core, userstate

__all__ = ["remember"]


@cache
def remember() -> None:
    """Make Beam remember the arguments of methods, the state of DoFns and the views of options."""
    core.get_function_args_defaults = _arguments(core.get_function_args_defaults)
    userstate.get_dofn_specs = _of_each(userstate.get_dofn_specs)
    PipelineOptions.view_as = _of_each(PipelineOptions.view_as)


def _arguments(inspected: Any) -> Any:
    """The arguments of bound methods, which are those of the function without the first."""
    of_function = cache(lambda function: inspected(MethodType(function, object())))

    def arguments(function: Any) -> Any:
        if not isinstance(function, MethodType):
            return inspected(function)
        names, defaults = of_function(function.__func__)
        return [*names], [*defaults]

    return arguments


def _of_each(function: Any) -> Any:
    """A function that remembers what it gave for an object, as long as the object is there."""
    given: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()

    def remembering(one: Any, *arguments: Any) -> Any:
        known = given.setdefault(one, {})
        if arguments not in known:
            known[arguments] = function(one, *arguments)
        return known[arguments]

    return remembering
