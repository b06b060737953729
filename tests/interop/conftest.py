"""Nodes that have told each other everything, once per module that reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from schemathesis.transport import SerializationContext

from tests.interop.channel_readers import Told, everything_told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Give two nodes with a community and a case between them."""
    with everything_told(tmp_path_factory.mktemp("told")) as nodes:
        yield nodes


@schemathesis.serializer("application/jsonl", "application/gzip")
def send_file(_context: SerializationContext, value: bytes | None) -> bytes | None:
    """Send a file as it is: its form is the schema's whole word about it."""
    return value
