from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import Markup

from hub.web import words
from hub.web.agents import browser_name
from policies.tlp import TLP

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(days=5), "5 days ago"),
        (timedelta(days=60), "2025-12-31"),
        (-timedelta(seconds=5), "in a moment"),
        (-timedelta(minutes=4), "in 4 min"),
        (-timedelta(hours=47), "in 47 h"),
    ],
)
def test_a_distance_is_said_as_people_say_it(span: timedelta, text: str) -> None:
    assert words.distance(NOW - span, NOW) == text


def test_a_time_stands_in_utc_and_can_be_read_by_machines() -> None:
    tag = words.time_tag(NOW)
    assert tag == (
        '<time datetime="2026-03-01T03:00:00Z" title="2026-03-01 03:00 UTC">'
        "2026-03-01 03:00 UTC</time>"
    )
    assert "never" in words.time_tag(None)


def test_a_count_takes_its_noun() -> None:
    assert words.count(1, "entry", "entries") == "1 entry"
    assert words.count(0, "message") == "0 messages"
    assert words.count(12345, "entry", "entries").split() == ["12", "345", "entries"]


def test_a_long_hash_is_shortened_and_a_short_one_is_not() -> None:
    assert words.short("a" * 64) == "a" * 12 + "…"
    assert words.short("abc") == "abc"


@pytest.mark.parametrize("label", TLP)
def test_each_label_says_who_may_read_it(label: TLP) -> None:
    assert words.tlp_meaning(label).endswith(".")


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (None, None),
        ("", None),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
    ],
)
def test_a_browser_is_named_in_two_words(agent: str | None, name: str | None) -> None:
    assert browser_name(agent) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("invoice\u202efdp.exe", "invoice\ufffdfdp.exe"),
        ("\u2067a\u2069 \u2066b \u202ac\u202c", "\ufffda\ufffd \ufffdb \ufffdc\ufffd"),
        ("\x1b[31mred\x9b0m\x7f\x08", "\ufffd[31mred\ufffd0m\ufffd\ufffd"),
        ("שלום, مرحبا\u200f, a\u200db\u200cc", "שלום, مرحبا\u200f, a\u200db\u200cc"),
        ("one\r\n\ttwo", "one\r\n\ttwo"),
    ],
)
def test_what_acts_unseen_is_shown_as_a_character_that_is_seen(text: str, shown: str) -> None:
    assert words.visible(text) == shown


@pytest.mark.parametrize("value", [None, 7, TLP.RED, Markup("<b>\x1b</b>"), ["\x1b"]])
def test_what_is_no_text_of_somebody_is_left_alone(value: object) -> None:
    assert words.visible(value) is value
