from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hub import logs


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = [one for one in root.handlers if not isinstance(one, logs.OurHandler)]
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


def test_a_record_is_one_line_of_json_with_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    structlog.contextvars.bind_contextvars(request_id="r1")
    logging.getLogger("hub.test").info("a thing happened", extra={"bundle_id": "b\n1"})
    (line,) = capsys.readouterr().err.splitlines()
    facts = json.loads(line)
    assert facts["event"] == "a thing happened"
    assert facts["bundle_id"] == "b\n1"
    assert facts["request_id"] == "r1"
    assert facts["level"] == "info"
    assert facts["logger"] == "hub.test"


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_and_no_local_variable_is_written(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO", "json" if form == "json" else "text")

    def break_down() -> None:
        private = "local-hunter2"  # noqa: F841 - what must not be printed
        raise RuntimeError("it broke")

    try:
        break_down()
    except RuntimeError:
        logging.getLogger("hub.test").exception(
            "broken", extra={"password": "hunter2", "access_token": "hunter2", "key_id": "k1"}
        )
    written = capsys.readouterr().err
    assert "hunter2" not in written.replace('private = "local-hunter2"', "")
    assert "it broke" in written
    assert "k1" in written


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    logs.configure("WARNING", "json")
    logging.getLogger("hub.test").warning("once")
    logging.getLogger("hub.test").info("not at all")
    assert len(capsys.readouterr().err.splitlines()) == 1
