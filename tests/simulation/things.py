"""What simulated organisations write: objects whose ids anybody could guess."""

from __future__ import annotations

from typing import Any

from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject
from tests.simulation.nodes import Clock


def thing(
    kind: str, author: str, number: int, tlp: TLP | None, now: Clock, **more: Any
) -> StixObject:
    """Write an object of a type; its id tells the type and the number and nothing else."""
    moment = write_time(now())
    value = {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--00000000-0000-4000-8000-{number:012d}",
        "created_by_ref": author,
        "created": moment,
        "modified": moment,
        **more,
    }
    if tlp is not None:
        value["object_marking_refs"] = [tlp.marking_id]
    try:
        return StixObject.of(value)
    except InvalidError as error:  # pragma: no cover - it is ours
        raise AssertionError(error) from error
