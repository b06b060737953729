"""A partner that floods is told when to come again, and slows nobody else. Over real HTTP.

Source: protocol, 14 (flooding by a partner); issue 3, 8.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from federation.ledgers.sources import DELIVER
from federation.partners import throttling
from federation.partners.quotas import Quota
from federation.work.errands import find_waiting
from policies.errors import InvalidError
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import HostilePeer, csrf, peers, signed_in
from tests.kit.nodes import RunningNode, running, settle
from tests.kit.processes import wait_until

REQUESTS = 40
A_MILLION = 1_000_000
TAXII = "application/taxii+json;version=2.1"


class Ticks:
    """Seconds that pass when the test says so: no bucket fills while a busy machine is slow."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Flooded:
    """A CERT with an honest member, and a partner that floods it."""

    cert: RunningNode
    grid: RunningNode
    mallory: HostilePeer
    case: str
    ticks: Ticks

    def ask(self) -> requests.Response:
        """Ask for the heads, as the hostile partner."""
        return self.mallory.get(self.cert, "/federation/heads/")

    def rest(self) -> None:
        """Fill every bucket, as time does."""
        self.ticks.now += 3600
        self.cert.office.gate.forget()


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flooded]:
    folder = tmp_path_factory.mktemp("flood")
    quotas: dict[str, Any] = {
        "quota_requests": REQUESTS,
        "quota_contributions": 5,
        "quota_strangers": 100,
    }
    with (
        running(folder, "CERT", "Grid", **quotas) as (cert, grid),
        peers(cert.now, "Mallory") as (mallory,),
    ):
        mallory.pair(cert)
        case = cert.open("Case")
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        ticks = Ticks()
        cert.office.gate.ticks = ticks
        made = Flooded(cert, grid, mallory, case, ticks)
        made.rest()
        yield made


def test_who_asks_too_much_is_told_when_to_come_again_and_others_notice_nothing(
    flooded: Flooded,
) -> None:
    flooded.rest()
    answers = [flooded.ask() for _ in range(REQUESTS + 5)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:REQUESTS] == [200] * REQUESTS
    assert set(statuses[REQUESTS:]) == {429}
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "requests" in answers[-1].json()["detail"]
    with flooded.grid.app.app_context():
        heads = flooded.grid.office.exchanges.ask_heads(flooded.cert.organisation)
    assert heads is not None, "another partner is answered as ever"
    flooded.grid.note(flooded.case, "We are heard.")
    settle(flooded.cert, flooded.grid)
    with flooded.cert.reading() as session:
        assert find_waiting(session, DELIVER, flooded.case) is None
        found = throttling.find_throttled(session, flooded.mallory.id, now=flooded.cert.now())
    assert found is not None
    assert (found.what, found.refused_count >= 1) == ("requests", True)


def test_people_see_who_is_throttled_and_allow_more_or_less(flooded: Flooded) -> None:
    flooded.rest()
    api = Api.of(flooded.cert)
    partner = f"/partners/{flooded.mallory.id}"
    assert api.post(f"{partner}/quota", {"percent": 10}, status=200)["quota_percent"] == 10
    flooded.rest()
    statuses = [flooded.ask().status_code for _ in range(6)]
    assert statuses == [200] * 4 + [429] * 2, "a tenth, of 40"
    assert api.get(partner)["throttled"]["what"] == "requests"
    metrics = flooded.cert.app.test_client().get("/metrics").get_data(as_text=True)
    assert 'tocsin_refused_by_quota_total{quota="requests"}' in metrics
    console = Console(flooded.cert)
    shown = console.run("partner", "quota", "Mallory", 100).output
    assert "throttled     since" in shown
    console.run("partner", "quota", "Mallory", 0, code=2)
    with flooded.cert.writing() as session, pytest.raises(InvalidError, match="percent"):
        throttling.set_percent(session, flooded.mallory.id, 10_001)
    browser, where = signed_in(flooded.cert), f"/partners/{flooded.mallory.id}"
    page = browser.get(where).get_data(as_text=True)
    assert "Throttled since" in page
    assert "Allow them more or less" in page
    form = {"csrf_token": csrf(browser, where), "percent": "0"}
    assert browser.post(f"{where}/quota", data=form).status_code == 400
    assert browser.post(f"{where}/quota", data=form | {"percent": "100"}).status_code == 303
    handler = Api.of(flooded.cert, PersonRole.HANDLER)
    assert handler.post(f"{partner}/quota", {"percent": 10}, status=403)["status"] == 403


@pytest.fixture
def narrow(flooded: Flooded) -> Iterator[Flooded]:
    """Let a partner send a million bytes in a minute, and Mallory post what it likes to a case."""
    gate = flooded.cert.office.gate
    usual, gate.rates = gate.rates, type(gate.rates)(bytes=A_MILLION)
    flooded.rest()
    case = flooded.cert.open("Narrow")
    flooded.cert.invite(case, flooded.mallory)  # type: ignore[arg-type]
    yield replace(flooded, case=case)
    gate.rates = usual
    flooded.rest()


def post(flooded: Flooded, size: int, *, case: str | None = None) -> int:
    """Post something that is no envelope, and of no value to anybody; give the status."""
    path = f"/taxii2/channels/collections/{case or flooded.case}/objects/"
    headers = {"Content-Type": TAXII, "Accept": TAXII}
    answer = flooded.mallory.ask(flooded.cert, "POST", path, headers=headers, data=b" " * size)
    return answer.status_code


@contextmanager
def announced(flooded: Flooded, length: int) -> Iterator[http.client.HTTPConnection]:
    """Announce a body of some length, and send its first byte alone."""
    connection = http.client.HTTPConnection("127.0.0.1", flooded.cert.port, timeout=20)
    path = f"/taxii2/channels/collections/{flooded.case}/objects/"
    connection.putrequest("POST", path)
    headers = {"Content-Type": TAXII, "Accept": TAXII, "Content-Length": str(length)}
    headers["Authorization"] = f"Bearer {flooded.mallory.token(flooded.cert)}"
    for name, text in headers.items():
        connection.putheader(name, text)
    connection.endheaders(b" ")
    try:
        yield connection
    finally:
        connection.close()


def test_a_body_is_counted_before_it_is_read(narrow: Flooded) -> None:
    """By its announced length; where none is announced, as the longest that it may be."""
    assert post(narrow, 700_000) == 400
    assert post(narrow, 700_000) == 429
    narrow.rest()
    assert post(narrow, 1_500_000) == 400, "what is larger than a minute's worth waits for all"
    assert post(narrow, 1) == 429
    narrow.rest()
    gate = narrow.cert.office.gate
    quotas = gate._quotas
    with announced(narrow, 900_000):
        wait_until(lambda: bytes_left(narrow) == A_MILLION - 900_000, "it is counted", seconds=20)
        assert post(narrow, 200_000) == 429, "it may still come, all of it"
    wait_until(lambda: not quotas._held, "the one that hung up is over", seconds=20)
    assert post(narrow, 200_000) == 400, "it did not come"


def test_nobody_pays_for_what_was_announced_and_never_came(narrow: Flooded) -> None:
    """Else one header would shut a partner out for as long as it says."""
    with announced(narrow, 1_000_000_000) as connection:
        assert connection.getresponse().status == 413
    assert post(narrow, 900_000) == 400, "not one byte of it was read"
    narrow.rest()
    case = narrow.cert.open("Somebody else's")
    assert post(narrow, 900_000, case=case) == 404, "it is no member: that, and no more, it is told"
    assert post(narrow, 900_000) == 400
    assert post(narrow, 900_000) == 429


def test_a_body_of_unannounced_length_is_paid_for_as_long_as_it_was(narrow: Flooded) -> None:
    path = f"/taxii2/channels/collections/{narrow.case}/objects/"
    headers = {"Content-Type": TAXII, "Accept": TAXII}
    pieces = (b" " * 100_000 for _ in range(4))
    answer = narrow.mallory.ask(narrow.cert, "POST", path, headers=headers, data=pieces)
    assert answer.status_code == 400
    assert 590_000 < bytes_left(narrow) < 600_000, "what was read, and a short answer"


def bytes_left(flooded: Flooded) -> float:
    """Give how many bytes the hostile partner may send at once."""
    quotas = flooded.cert.office.gate._quotas
    bucket = quotas._buckets.get((Quota.BYTES, flooded.mallory.id))
    return bucket.level if bucket is not None else A_MILLION


def test_contributions_are_counted_for_each_channel_by_itself(flooded: Flooded) -> None:
    flooded.rest()
    other = flooded.cert.open("Another case")
    flooded.cert.invite(other, flooded.grid)
    settle(flooded.cert, flooded.grid)
    flooded.grid.join(other)
    settle(flooded.cert, flooded.grid)
    flooded.rest()
    for number in range(8):
        flooded.grid.note(flooded.case, f"word {number}")
    flooded.grid.note(other, "elsewhere")
    settle(flooded.cert, flooded.grid)
    with flooded.grid.reading() as session:
        waiting = find_waiting(session, DELIVER, flooded.case)
        assert waiting is not None
        assert "more contributions than this node takes" in (waiting.last_reason or "")
        assert find_waiting(session, DELIVER, other) is None
    flooded.rest()
    flooded.mallory.now.advance(minutes=2)  # type: ignore[attr-defined]
    settle(flooded.cert, flooded.grid)
    with flooded.grid.reading() as session:
        assert find_waiting(session, DELIVER, flooded.case) is None


def test_strangers_are_counted_by_their_address(flooded: Flooded) -> None:
    flooded.rest()
    where = f"{flooded.cert.base_url}/.well-known/coordination-node"
    statuses = [requests.get(where, timeout=10).status_code for _ in range(102)]
    assert statuses[:100] == [200] * 100
    assert 429 in statuses[100:]
    token = f"{flooded.cert.base_url}/federation/token/"
    assert requests.post(token, data={}, timeout=10).status_code == 429
    assert flooded.ask().status_code == 200, "who is known is not counted as a stranger"
    flooded.rest()


def test_one_partner_has_so_many_requests_under_way_and_no_more(flooded: Flooded) -> None:
    flooded.rest()
    gate = flooded.cert.office.gate
    held = [gate._quotas.hold(flooded.mallory.id) for _ in range(6)]
    assert None not in held
    refused = flooded.ask()
    assert refused.status_code == 429
    assert "requests at once" in refused.json()["detail"]
    flooded.rest()
    assert flooded.ask().status_code == 200
