"""What people make harmless is written out, and nothing else changes."""

import pytest

from sharing.formats.refang import refang


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("evil[.]com", "evil.com"),
        ("evil(.)com", "evil.com"),
        ("evil{.}com", "evil.com"),
        ("evil[[.]]com", "evil.com"),
        ("evil[dot]com", "evil.com"),
        ("evil(DOT)com", "evil.com"),
        ("evil [.] com", "evil.com"),
        ("evil [ dot ] com", "evil.com"),
        ("evil[.com", "evil.com"),
        ("evil.]com", "evil.com"),
        (r"evil\.com", "evil.com"),
        ("1.2.3[.]4", "1.2.3.4"),
        ("hxxp://evil.com", "http://evil.com"),
        ("hXXps://evil.com", "https://evil.com"),
        ("hxxps[:]//evil.com", "https://evil.com"),
        ("hxxp[://]evil.com", "http://evil.com"),
        ("hxxp[s]://evil.com", "https://evil.com"),
        ("h**p://evil.com", "http://evil.com"),
        ("h[tt]ps://evil.com", "https://evil.com"),
        ("meow://evil.com", "http://evil.com"),
        ("fxp://evil.com", "ftp://evil.com"),
        ("a[at]evil[.]com", "a@evil.com"),
        ("a(@)evil.com", "a@evil.com"),
        ("a [at] evil [dot] com", "a@evil.com"),
        ("evil\u200b.com", "evil.com"),
        ("evil\u00ad.com", "evil.com"),
    ],
)
def test_each_way_of_defanging_is_known(written: str, meant: str) -> None:
    assert refang(written).text == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://honest.com/path",
        "a list [1] and (2), with dots...",
        r"C:\Users\bob\.ssh\id_rsa and .\run.exe and \\server\.hidden",
        "the dot com years, at noon",
        "xhxxp and phxxp://x",
        "[link](http://a.com)",
    ],
)
def test_what_is_not_defanged_stays_as_it_is(text: str) -> None:
    refanged = refang(text)
    assert refanged.text == text
    assert refanged.edits == ()


def test_it_remembers_where_something_was_written_out() -> None:
    refanged = refang("honest.com, evil[.]com, hxxp://other.com")
    text = refanged.text
    for name, was_defanged in (("honest.com", False), ("evil.com", True)):
        start = text.index(name)
        assert refanged.was_defanged(start, start + len(name)) is was_defanged
    start = text.index("http://")
    assert refanged.was_defanged(start, len(text))


def test_what_nobody_sees_is_no_sign_that_something_was_meant() -> None:
    assert refang("hon\u200best.com").edits == ()
