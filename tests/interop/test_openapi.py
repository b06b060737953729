"""The REST interface keeps what its OpenAPI document promises, whatever it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from policies.roles import PersonRole
from tests.integration.hubs import running_hub

PROMISES = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 15


@pytest.mark.interop
@pytest.mark.timeout(300)
def test_every_answer_is_one_that_the_document_promises(tmp_path: Path) -> None:
    with running_hub(tmp_path, f"sqlite:///{tmp_path}/tocsin.db") as hub:
        user_id, _ = hub.add_user("root", PersonRole.ADMINISTRATOR)
        headers = hub.token(user_id)
        schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", hub.app)
        seen = 0
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def ask(case: schemathesis.Case[Any]) -> None:
                case.call_and_validate(headers=headers, checks=PROMISES)

            ask()
            seen += 1
        assert seen > 10
