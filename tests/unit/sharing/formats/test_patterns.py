"""Patterns are well formed whatever their values hold, and simple ones are read back.

Source: STIX 2.1, 9.
"""

import pytest
from stix2patterns.validator import run_validator

from sharing.formats.patterns import (
    HASH_NAMES,
    of_certificate,
    of_endpoint,
    of_hashes,
    of_path,
    of_url,
    pattern_of,
    quote,
    read_simple,
)
from sharing.formats.recognised import Kind
from sharing.limits import PATTERN_BYTES

SHA256 = "7986bbaee8940da11ce089383521ab420c443ab7b15ed42aed91fd31ce833896"
MD5 = "d5101c3b86d973a848ab7ed79cd11e5a"


def is_valid(pattern: str) -> bool:
    return not list(run_validator(pattern, stix_version="2.1"))


def test_quotes_and_backslashes_are_escaped() -> None:
    assert quote(r"a'b\c") == r"'a\'b\\c'"
    assert quote("\\'") == r"'\\\''"


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        (Kind.IPV4, "185.220.101.5", "[ipv4-addr:value = '185.220.101.5']"),
        (Kind.IPV4, "185.220.101.0/24", "[ipv4-addr:value ISSUBSET '185.220.101.0/24']"),
        (Kind.IPV6, "2a01:4f8::/32", "[ipv6-addr:value ISSUBSET '2a01:4f8::/32']"),
        (Kind.DOMAIN, "evil.com", "[domain-name:value = 'evil.com']"),
        (Kind.URL, "http://evil.com/it's", r"[url:value = 'http://evil.com/it\'s']"),
        (Kind.EMAIL, "a@evil.com", "[email-addr:value = 'a@evil.com']"),
        (Kind.MD5, MD5, f"[file:hashes.'MD5' = '{MD5}']"),
        (Kind.FILE_NAME, "a.exe", "[file:name = 'a.exe']"),
        (Kind.MUTEX, r"Global\x", r"[mutex:name = 'Global\\x']"),
        (Kind.MAC, "00:11:22:33:44:55", "[mac-addr:value = '00:11:22:33:44:55']"),
        (Kind.AS_NUMBER, "AS13335", "[autonomous-system:number = 13335]"),
        (Kind.BITCOIN, "bc1q", "[cryptocurrency-wallet:value = 'bc1q']"),
        (
            Kind.USER_AGENT,
            "Mozilla/4.0 (x)",
            (
                "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'"
                " = 'Mozilla/4.0 (x)']"
            ),
        ),
        (
            Kind.REGISTRY_KEY,
            "HKEY_USERS\\a'b",
            r"[windows-registry-key:key = 'HKEY_USERS\\a\'b']",
        ),
        (
            Kind.FILE_PATH,
            "C:\\a\\b.exe",
            r"[file:name = 'b.exe' AND file:parent_directory_ref.path = 'C:\\a']",
        ),
    ],
)
def test_the_pattern_of_each_kind(kind: Kind, value: str, pattern: str) -> None:
    assert pattern_of(kind, value) == pattern
    assert is_valid(pattern)


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        (Kind.IPV4, ""),
        (Kind.IPV6, ""),
        (Kind.DOMAIN, ""),
        (Kind.URL, "http://"),
        (Kind.EMAIL, ""),
        (Kind.FILE_NAME, ""),
        (Kind.MUTEX, ""),
        (Kind.REGISTRY_KEY, ""),
        (Kind.USER_AGENT, ""),
        (Kind.MAC, ""),
        (Kind.BITCOIN, ""),
    ],
)
def test_no_value_breaks_out_of_its_pattern(kind: Kind, before: str) -> None:
    pattern = pattern_of(kind, before + "'] OR [ipv4-addr:value = '\\")
    assert is_valid(pattern)
    assert pattern.endswith(before + r"\'] OR [ipv4-addr:value = \'\\']")


def test_a_file_is_known_by_any_of_its_hashes_the_strongest_first() -> None:
    pattern = of_hashes([(Kind.MD5, MD5), (Kind.SHA256, SHA256), (Kind.MD5, MD5)])
    assert pattern == f"[file:hashes.'SHA-256' = '{SHA256}' OR file:hashes.'MD5' = '{MD5}']"
    assert is_valid(pattern)
    assert read_simple(pattern) == (Kind.SHA256, SHA256)


def test_traffic_has_a_side_a_kind_of_host_and_a_port() -> None:
    assert of_endpoint(Kind.DOMAIN, "evil.com", 443) == (
        "[network-traffic:dst_ref.type = 'domain-name'"
        " AND network-traffic:dst_ref.value = 'evil.com' AND network-traffic:dst_port = 443]"
    )
    source = of_endpoint(Kind.IPV6, "2a01:4f8::1", 53, side="src")
    assert "src_ref.type = 'ipv6-addr'" in source
    assert "src_port = 53" in source
    assert is_valid(source)


def test_certificates_urls_and_paths() -> None:
    assert of_certificate(Kind.MD5, MD5) == f"[x509-certificate:hashes.'MD5' = '{MD5}']"
    assert of_url("e.com/x") == "[url:value IN ('http://e.com/x', 'https://e.com/x')]"
    assert of_path("/opt/x/y") == "[file:name = 'y' AND file:parent_directory_ref.path = '/opt/x']"


@pytest.mark.parametrize(
    ("pattern", "read"),
    [
        ("[domain-name:value = 'evil.com']", (Kind.DOMAIN, "evil.com")),
        ("  [ domain-name:value = 'evil.com' ] ", (Kind.DOMAIN, "evil.com")),
        (r"[url:value = 'http://evil.com/it\'s\\']", (Kind.URL, "http://evil.com/it's\\")),
        (f"[file:hashes.MD5 = '{MD5}']", (Kind.MD5, MD5)),
        (f"[file:hashes.'SHA-256' = '{SHA256}']", (Kind.SHA256, SHA256)),
        ("[ipv4-addr:value ISSUBSET '185.0.0.0/8']", (Kind.IPV4, "185.0.0.0/8")),
    ],
)
def test_a_simple_pattern_is_read_back(pattern: str, read: tuple[Kind, str]) -> None:
    assert read_simple(pattern) == read


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "[]",
        "domain-name:value = 'evil.com'",
        "[domain-name:value = 'evil.com'",
        "[domain-name:value != 'evil.com']",
        "[domain-name:value = 'a.com' AND domain-name:value = 'b.com']",
        "[domain-name:value = 'a.com' OR domain-name:value = 'b.com']",
        "[domain-name:value = 'a.com' OR ]",
        "[domain-name:value = 'a.com'] OR [domain-name:value = 'b.com']",
        "[process:name = 'x']",
        "[network-traffic:dst_port = 443]",
        f"[domain-name:value = '{'a' * PATTERN_BYTES}']",
        f"[domain-name:value = '{'a' * 5000}",
    ],
)
def test_any_other_pattern_is_only_a_pattern(pattern: str) -> None:
    assert read_simple(pattern) is None


def test_every_hash_has_its_name_of_stix() -> None:
    for kind, name in HASH_NAMES.items():
        assert name.replace("-", "").lower() == kind.value.replace("-", "")
