"""Addresses and names: well formed or not, and why some are nobody's."""

import pytest
from publicsuffixlist import PublicSuffixList

from sharing.formats import files
from sharing.formats.hosts import read_host, read_ipv4, read_ipv6, read_name, read_port
from sharing.formats.known import Reason
from sharing.formats.recognised import Kind


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("185.220.101.5", None),
        ("185.220.101.0/24", None),
        ("100.63.255.255", None),
        ("10.0.0.1", Reason.PRIVATE),
        ("172.16.0.1", Reason.PRIVATE),
        ("172.32.0.1", None),
        ("192.168.1.0/24", Reason.PRIVATE),
        ("100.64.0.1", Reason.PRIVATE),
        ("127.0.0.1", Reason.LOOPBACK),
        ("0.1.2.3", Reason.SPECIAL),
        ("169.254.1.1", Reason.SPECIAL),
        ("224.0.0.1", Reason.SPECIAL),
        ("240.0.0.1", Reason.SPECIAL),
        ("255.255.255.255", Reason.SPECIAL),
        ("192.0.2.1", Reason.DOCUMENTATION),
        ("198.51.100.7", Reason.DOCUMENTATION),
        ("203.0.113.255", Reason.DOCUMENTATION),
        ("8.8.8.8", Reason.RESOLVER),
        ("18.12.416.0", Reason.NO_IPV4),
        ("1.2.3.256", Reason.NO_IPV4),
        ("1.2.3.4/33", Reason.NO_IPV4),
        ("185.220.101.05", Reason.LEADING_ZERO),
        ("0.0.0.0/0", Reason.WIDE),
        ("185.0.0.0/7", Reason.WIDE),
    ],
)
def test_ipv4_addresses_and_networks(text: str, reason: Reason | None) -> None:
    host = read_ipv4(text)
    assert host is not None
    assert (host.kind, host.value, host.reason) == (Kind.IPV4, text, reason)


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("2A01:04F8:0:0::2", "2a01:4f8::2", None),
        ("2a01:4f8::/32", "2a01:4f8::/32", None),
        ("::1", "::1", Reason.LOOPBACK),
        ("::", "::", Reason.SPECIAL),
        ("fe80::1", "fe80::1", Reason.SPECIAL),
        ("ff02::1", "ff02::1", Reason.SPECIAL),
        ("a::b", "a::b", Reason.SPECIAL),
        ("4000::1", "4000::1", Reason.SPECIAL),
        ("64:ff9b::1", "64:ff9b::1", Reason.SPECIAL),
        ("fd00::1", "fd00::1", Reason.PRIVATE),
        ("2001:db8::1", "2001:db8::1", Reason.DOCUMENTATION),
        ("3fff::1", "3fff::1", Reason.DOCUMENTATION),
        ("::ffff:10.0.0.1", "::ffff:a00:1", Reason.PRIVATE),
        ("::ffff:185.220.101.5", "::ffff:b9dc:6505", None),
        ("2606:4700:4700::1111", "2606:4700:4700::1111", Reason.RESOLVER),
        ("2000::/3", "2000::/3", Reason.WIDE),
    ],
)
def test_ipv6_addresses_and_networks(text: str, value: str, reason: Reason | None) -> None:
    host = read_ipv6(text)
    assert host is not None
    assert (host.kind, host.value, host.reason) == (Kind.IPV6, value, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("evil.com", None),
        ("a.b-c.evil.co.uk", None),
        ("xn--80ak6aa92e.com", None),
        ("bücher.de", None),
        ("пример.рф", None),
        ("_dmarc.evil.com", None),
        ("expyuzz4wqqyqhjn.onion", None),
        ("user.github.io", None),
        ("example.com", Reason.DOCUMENTATION),
        ("www.example.org", Reason.DOCUMENTATION),
        ("victim.example", Reason.DOCUMENTATION),
        ("host.test", Reason.SPECIAL),
        ("printer.local", Reason.SPECIAL),
        ("4.3.2.1.in-addr.arpa", Reason.SPECIAL),
        ("evil.nosuchtld", Reason.UNKNOWN_TLD),
        ("kernel32.dll", Reason.UNKNOWN_TLD),
        ("co.uk", Reason.PUBLIC_SUFFIX),
        ("github.io", Reason.PUBLIC_SUFFIX),
        ("github.com", Reason.WELL_KNOWN),
        ("www.google.com", Reason.WELL_KNOWN),
        ("mail.google.com", None),
        ("www.virustotal.com", Reason.REFERENCE),
        ("notvirustotal.com", None),
    ],
)
def test_names(text: str, reason: Reason | None) -> None:
    host = read_name(text)
    assert host is not None
    assert (host.kind, host.value, host.reason) == (Kind.DOMAIN, text, reason)


def test_a_name_is_written_in_small_letters() -> None:
    host = read_name("WWW.Evil.COM")
    assert host is not None
    assert host.value == "www.evil.com"


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "com", "..", "a..com", ".com", "com.", "-a.com", "a-.com", "a b.com", "a/b.com",
        "1.2.3", "1.2.3.4.5", "3.14", "evil.c", "evil.123", "evil.c0m", "a.\ud800om", "²x.com²",
        f"{'é' * 60}.com", f"{'a' * 64}.com",
        f"{'a.' * 126}com", "1.2.3.4/", "1.2.3.4/a", "1.2.3.-4", "1.2.3.\uff14",
        "12:34:56", ":::", "1::2::3", "g::1", "fe80::1%eth0", "::1/129", "::1/",
        "1:2:3:4:5:6:7:8:9",
    ],
)  # fmt: skip
def test_what_is_no_host_by_its_form(text: str) -> None:
    assert read_host(text) is None


@pytest.mark.parametrize(
    ("text", "port"),
    [("1", 1), ("443", 443), ("65535", 65535), ("0", None), ("65536", None), ("", None),
     ("\uff18\uff10", None),
     ("+80", None), ("000080", None)],
)  # fmt: skip
def test_ports(text: str, port: int | None) -> None:
    assert read_port(text) == port


def test_endings_of_files_that_are_top_level_domains_are_known_as_such() -> None:
    """Else a name under one of them would be taken as a domain without a word."""
    suffixes = PublicSuffixList(accept_unknown=False)
    both = {ending for ending in files._ENDINGS if suffixes.publicsuffix(ending) is not None}
    # `.one` is as good as never the file of a notebook, and often an attacker's domain.
    assert both - {"one"} <= files._ENDINGS_AND_DOMAINS
