"""The extensions of the suite: their ids, and the objects that define them.

The definitions are those that OASIS published, unchanged. Their `schema` is an address of a
repository: it is shown, and nobody here ever fetches it.

Source: STIX 2.1, 7.3; OASIS Incident Core Extension 2.1.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Final

from sharing.objects import StixObject

INCIDENT_EXTENSION: Final = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
EVENT_EXTENSION: Final = "extension-definition--4ca6de00-5b0d-45ef-a1dc-ea7279ea910e"
IMPACT_EXTENSION: Final = "extension-definition--7cc33dd6-f6a1-489b-98ea-522d351d71b9"
TASK_EXTENSION: Final = "extension-definition--2074a052-8be4-4932-849e-f5e7798e0030"

SUITE: Final = frozenset({INCIDENT_EXTENSION, EVENT_EXTENSION, IMPACT_EXTENSION, TASK_EXTENSION})


@cache
def suite_definitions() -> tuple[StixObject, ...]:
    """Give the extension definitions of incident, event, impact and task.

    They are the same bytes on every node; plain TAXII readers get them with the data.
    """
    path = resources.files("sharing").joinpath("incident/definitions.json")
    data = json.loads(path.read_text("utf-8"))
    return tuple(StixObject.of(value) for value in data["objects"])
