"""What patterns look for, and the host that it lies on. Source: STIX 2.1, 9."""

from __future__ import annotations

import pytest

from hub.reports.things import HOST_CHARACTERS, thing_of, things_of
from policies.likeness import Likeness, likeness
from sharing.formats.patterns import of_endpoint
from sharing.formats.recognise import recognise
from sharing.formats.recognised import Kind


@pytest.mark.parametrize(
    ("pattern", "host", "is_host"),
    [
        ("[domain-name:value = 'Pages.Example.net']", "pages.example.net", True),
        ("[ipv4-addr:value = '198.18.0.7']", "198.18.0.7", True),
        ("[url:value = 'https://pages.example.net/a?b=c']", "pages.example.net", False),
        ("[url:value = 'http://198.18.0.7:8080/a']", "198.18.0.7", False),
        (
            "[url:value IN ('http://pages.example.net/a', 'https://pages.example.net/a')]",
            "pages.example.net",
            False,
        ),
        (
            of_endpoint(Kind.IPV4, "198.18.0.7", 443),
            "198.18.0.7",
            False,
        ),
        ("[file:name = 'http://pages.example.net/']", None, False),
        ("[mutex:name = 'x'] REPEATS 3 TIMES", None, False),
        (f"[domain-name:value = '{'a' * (HOST_CHARACTERS + 1)}']", None, True),
        ("no pattern at all", None, False),
    ],
)
def test_a_pattern_says_where_its_thing_lies(
    pattern: str, host: str | None, *, is_host: bool
) -> None:
    thing = thing_of(pattern)
    assert thing is not None
    assert (thing.host, thing.is_host) == (host, is_host)


def test_no_pattern_is_nothing() -> None:
    assert thing_of("  ") is None


def test_two_pages_of_one_hosting_platform_are_on_the_same_host_and_no_more() -> None:
    texts = (
        "Seen: https://files.github.io/first/a.exe from files.github.io",
        "Seen: https://files.github.io/second/b.exe from files.github.io",
    )
    ours, theirs = (things_of(one.pattern for one in recognise(text).findings) for text in texts)
    assert likeness(ours, theirs) == Likeness(0, 1)
    assert likeness(ours, ours) == Likeness(1, 0)
