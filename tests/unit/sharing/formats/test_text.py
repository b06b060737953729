"""Indicators in prose, tables and logs; what looks like one and is none; and markings."""

import pytest
from stix2patterns.validator import run_validator

from policies.errors import TooLargeError
from policies.pap import PAP
from policies.tlp import TLP
from sharing.formats import known
from sharing.formats.files import read_file_name, read_unix_path
from sharing.formats.hosts import read_host
from sharing.formats.known import Reason
from sharing.formats.recognised import (
    LIMIT_COUNT,
    SHOWN_VALUES,
    Context,
    ContextKind,
    Form,
    Kind,
    Recognised,
)
from sharing.formats.text import LONGEST_WORD, read_text

SHA256 = "7986bbaee8940da11ce089383521ab420c443ab7b15ed42aed91fd31ce833896"
SHA1 = "3dc840d32ce86cebf657b17cef62814646ba8e98"
MD5 = "d5101c3b86d973a848ab7ed79cd11e5a"

REPORT = f"""TLP:AMBER
3CX DesktopApp 18.12.416 for Windows loads ffmpeg.dll (SHA256: {SHA256.upper()}), which reads an
icon file and then asks hxxps://msstorageazure[.]com/window and akamaicontainer[.]com, later
akamaicontainer[.]com again. One of our proxies (10.1.2.3) spoke to 185.220.101[.]5 on port 443.
Write to ops[at]evil-mail[.]ru; see https://www.virustotal.com/gui/file/abc and CVE-2023-29059.
"""


def seen(text: str) -> list[tuple[Kind, str]]:
    return [(finding.kind, finding.value) for finding in read_text(text).findings]


def left_out(text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.what, one.reason, one.values) for one in read_text(text).left_out]


def test_a_report_in_prose() -> None:
    recognised = read_text(REPORT)
    assert recognised.form is Form.TEXT
    assert [(one.kind, one.value) for one in recognised.findings] == [
        (Kind.FILE_NAME, "ffmpeg.dll"),
        (Kind.SHA256, SHA256),
        (Kind.URL, "https://msstorageazure.com/window"),
        (Kind.DOMAIN, "akamaicontainer.com"),
        (Kind.IPV4, "185.220.101.5"),
        (Kind.EMAIL, "ops@evil-mail.ru"),
    ]
    assert recognised.findings[1].name == f"File {SHA256}"
    assert recognised.findings[1].pattern == f"[file:hashes.'SHA-256' = '{SHA256}']"
    assert recognised.context == (Context(ContextKind.VULNERABILITY, "CVE-2023-29059"),)
    assert {one.marking.tlp for one in recognised.findings} == {TLP.AMBER}
    assert [(one.what, one.reason, one.count, one.values) for one in recognised.left_out] == [
        (Kind.IPV4, Reason.PRIVATE, 1, ("10.1.2.3",)),
        (Kind.URL, Reason.REFERENCE, 1, ("https://www.virustotal.com/gui/file/abc",)),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("at 185.220.101.5.", Kind.IPV4, "185.220.101.5"),
        ("IP:185.220.101.5", Kind.IPV4, "185.220.101.5"),
        ("src=185.220.101.5;", Kind.IPV4, "185.220.101.5"),
        ("<185.220.101.5>", Kind.IPV4, "185.220.101.5"),
        ("|185.220.101.5|", Kind.IPV4, "185.220.101.5"),
        ("root@185.220.101.5", Kind.IPV4, "185.220.101.5"),
        ("185.220.101.0/24", Kind.IPV4, "185.220.101.0/24"),
        ("185.220.101.5:8443", Kind.ENDPOINT, "185.220.101.5:8443"),
        ("C2: evil.com:8443.", Kind.ENDPOINT, "evil.com:8443"),
        ("C2:185.220.101.5:8443", Kind.ENDPOINT, "185.220.101.5:8443"),
        ("[2a01:4f8::1]:443", Kind.ENDPOINT, "[2a01:4f8::1]:443"),
        ("[2a01:4f8::1]", Kind.IPV6, "2a01:4f8::1"),
        ("2A01:4F8::", Kind.IPV6, "2a01:4f8::"),
        ("2a01:4f8:0:0:0:0:0:1", Kind.IPV6, "2a01:4f8::1"),
        ("2a01:4f8::/32.", Kind.IPV6, "2a01:4f8::/32"),
        ("EVIL.com", Kind.DOMAIN, "evil.com"),
        ("*.evil.com", Kind.DOMAIN, "evil.com"),
        ("evil.com.", Kind.DOMAIN, "evil.com"),
        ("evil.com/", Kind.DOMAIN, "evil.com"),
        ("_evil.com_", Kind.DOMAIN, "evil.com"),
        ("**evil.com**", Kind.DOMAIN, "evil.com"),
        ("bücher-evil.de", Kind.DOMAIN, "bücher-evil.de"),
        ("gopher://evil.com/x", Kind.DOMAIN, "evil.com"),
        ("x://185.220.101.5/", Kind.IPV4, "185.220.101.5"),
        ("install[.]sh", Kind.DOMAIN, "install.sh"),
        ("cdn.evil.sh", Kind.DOMAIN, "cdn.evil.sh"),
        ("www[.]virustotal[.]com", Kind.DOMAIN, "www.virustotal.com"),
        ("a.b+c@evil.com", Kind.EMAIL, "a.b+c@evil.com"),
        ("mailto:joe@gmail.com", Kind.EMAIL, "joe@gmail.com"),
        (f"md5={MD5}", Kind.MD5, MD5),
        (f"SHA1:{SHA1.upper()}", Kind.SHA1, SHA1),
        (f"{SHA256},", Kind.SHA256, SHA256),
        (SHA256 * 2, Kind.SHA512, SHA256 * 2),
        ("AS13335", Kind.AS_NUMBER, "AS13335"),
        ("ASN 13335", Kind.AS_NUMBER, "AS13335"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Kind.BITCOIN, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("invoice.exe", Kind.FILE_NAME, "invoice.exe"),
        ("evil[.]exe", Kind.FILE_NAME, "evil.exe"),
        ("offer_2026.zip", Kind.FILE_NAME, "offer_2026.zip"),
        ("offer.pdf.zip", Kind.FILE_NAME, "offer.pdf.zip"),
        ("evil.one", Kind.DOMAIN, "evil.one"),
        ("/opt/.x/xmrig", Kind.FILE_PATH, "/opt/.x/xmrig"),
        ("~/.config/guiconfigd", Kind.FILE_PATH, "~/.config/guiconfigd"),
        (r"C:\Users\bob\a.exe.", Kind.FILE_PATH, r"C:\Users\bob\a.exe"),
        (r"in C:\Program Files\x.dll now", Kind.FILE_PATH, r"C:\Program Files\x.dll"),
        (r'"C:\My Files\x y.dll"', Kind.FILE_PATH, r"C:\My Files\x y.dll"),
        (r"%APPDATA%\x\a.ps1", Kind.FILE_PATH, r"%APPDATA%\x\a.ps1"),
        (r"\\server\share\a.exe", Kind.FILE_PATH, r"\\server\share\a.exe"),
        (r"C:\ProgramData\svchost.exe", Kind.FILE_PATH, r"C:\ProgramData\svchost.exe"),
    ],
)  # fmt: skip
def test_what_is_found(text: str, kind: Kind, value: str) -> None:
    recognised = read_text(text)
    assert [(one.kind, one.value) for one in recognised.findings] == [(kind, value)]
    assert recognised.left_out == ()
    assert run_validator(recognised.findings[0].pattern, stix_version="2.1") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("see http://evil.com/a, and", "http://evil.com/a"),
        ("HTTP://Evil.COM/Path?Q=1#f", "http://evil.com/Path?Q=1#f"),
        ("(http://evil.com/a)", "http://evil.com/a"),
        ("http://evil.com/a_(b)", "http://evil.com/a_(b)"),
        ("[link](http://evil.com/a).", "http://evil.com/a"),
        ("<a href='http://evil.com/a'>", "http://evil.com/a"),
        ('"http://evil.com/a"', "http://evil.com/a"),
        ("“http://evil.com/a”", "http://evil.com/a"),
        ("http://evil.com/it's", "http://evil.com/it's"),
        ("C2http://evil.com/a", "http://evil.com/a"),
        ("URL:http://evil.com/a", "http://evil.com/a"),
        ("http://evil.com/a,b", "http://evil.com/a,b"),
        ("1,http://evil.com/a,online,malware", "http://evil.com/a"),
        ("http://u:p@evil.com:8080/a", "http://u:p@evil.com:8080/a"),
        ("http://google.com@evil.com/", "http://google.com@evil.com/"),
        ("http://185.220.101.5/a", "http://185.220.101.5/a"),
        ("http://[2a01:4f8::1]:80/a", "http://[2a01:4f8::1]:80/a"),
        ("tcp://185.220.101.5", "tcp://185.220.101.5"),
        ("ftp://evil.com/a", "ftp://evil.com/a"),
        ("http://evil.com?u=http://other.com/x", "http://evil.com?u=http://other.com/x"),
        ("https://github.com/evil/tool", "https://github.com/evil/tool"),
        ("hxxps://www[.]virustotal[.]com/x", "https://www.virustotal.com/x"),
        ("http://пример.рф/", "http://пример.рф/"),
        ("evil.com/gate.php", "evil.com/gate.php"),
        ("EVIL.com/Gate.php?id=1&x=2.", "evil.com/Gate.php?id=1&x=2"),
        ("185.220.101.5:8080/a", "185.220.101.5:8080/a"),
        ("drive.google.com/uc?id=1", "drive.google.com/uc?id=1"),
        ("url:evil.com/a#b?", "evil.com/a#b"),
    ],
)
def test_urls_and_where_they_end(text: str, value: str) -> None:
    recognised = read_text(text)
    assert [(one.kind, one.value) for one in recognised.findings] == [(Kind.URL, value)]
    assert recognised.left_out == ()
    assert run_validator(recognised.findings[0].pattern, stix_version="2.1") == []


def test_urls_side_by_side_are_two() -> None:
    for text in ("http://a.com/x,http://b.com/y", "(http://a.com/x)(http://b.com/y)"):
        assert seen(text) == [(Kind.URL, "http://a.com/x"), (Kind.URL, "http://b.com/y")]


def test_a_url_without_scheme_is_sought_under_both() -> None:
    (finding,) = read_text("evil.com/gate").findings
    assert finding.pattern == "[url:value IN ('http://evil.com/gate', 'https://evil.com/gate')]"


def test_the_host_of_a_url_is_no_finding_of_its_own() -> None:
    """It may serve honest people too; whoever means it writes it by itself."""
    assert seen("http://evil.com/a and a@evil.com") == [
        (Kind.URL, "http://evil.com/a"),
        (Kind.EMAIL, "a@evil.com"),
    ]


@pytest.mark.parametrize(
    ("text", "what", "reason", "value"),
    [
        ("10.0.0.1", Kind.IPV4, Reason.PRIVATE, "10.0.0.1"),
        ("10.0.0.1:80", Kind.IPV4, Reason.PRIVATE, "10.0.0.1:80"),
        ("127.0.0.1", Kind.IPV4, Reason.LOOPBACK, "127.0.0.1"),
        ("203.0.113.9", Kind.IPV4, Reason.DOCUMENTATION, "203.0.113.9"),
        ("185.220.101.05", Kind.IPV4, Reason.LEADING_ZERO, "185.220.101.05"),
        ("version 18.12.416.0", Kind.IPV4, Reason.NO_IPV4, "18.12.416.0"),
        ("version 18.12.40.1", Kind.IPV4, Reason.VERSION, "18.12.40.1"),
        ("Version: 18.12.40.1", Kind.IPV4, Reason.VERSION, "18.12.40.1"),
        ("v18.12.40.1", Kind.IPV4, Reason.VERSION, "v18.12.40.1"),
        ("section 4.1.2.3", Kind.IPV4, Reason.VERSION, "4.1.2.3"),
        ("Chrome/120.0.0.1", Kind.IPV4, Reason.VERSION, "120.0.0.1"),
        ("1.2.3.4-1.2.3.9", Kind.IPV4, Reason.ADDRESS_RANGE, "1.2.3.4-1.2.3.9"),
        ("0.0.0.0/0", Kind.IPV4, Reason.WIDE, "0.0.0.0/0"),
        ("8.8.8.8", Kind.IPV4, Reason.RESOLVER, "8.8.8.8"),
        ("185.220.101.5:70000", Kind.IPV4, Reason.PORT, "185.220.101.5:70000"),
        ("::1", Kind.IPV6, Reason.LOOPBACK, "::1"),
        ("fe80::1", Kind.IPV6, Reason.SPECIAL, "fe80::1"),
        ("www.example.com", Kind.DOMAIN, Reason.DOCUMENTATION, "www.example.com"),
        ("host[.]local", Kind.DOMAIN, Reason.SPECIAL, "host.local"),
        ("evil[.]nosuchtld", Kind.DOMAIN, Reason.UNKNOWN_TLD, "evil.nosuchtld"),
        ("google[.]com", Kind.DOMAIN, Reason.WELL_KNOWN, "google.com"),
        ("attack.mitre.org", Kind.DOMAIN, Reason.REFERENCE, "attack.mitre.org"),
        ("co.uk", Kind.DOMAIN, Reason.PUBLIC_SUFFIX, "co.uk"),
        ("install.sh", Kind.DOMAIN, Reason.FILE_OR_DOMAIN, "install.sh"),
        ("main.py:42", Kind.DOMAIN, Reason.FILE_OR_DOMAIN, "main.py:42"),
        ("the server.It was", Kind.DOMAIN, Reason.SENTENCES, "server.it"),
        ("window.name(", Kind.DOMAIN, Reason.CODE, "window.name"),
        ("com.whatsapp.app", Kind.DOMAIN, Reason.CODE, "com.whatsapp.app"),
        ("ASP.NET", Kind.DOMAIN, Reason.PRODUCT, "asp.net"),
        ("node.js", Kind.FILE_NAME, Reason.PRODUCT, "node.js"),
        ("bob@example.com", Kind.EMAIL, Reason.DOCUMENTATION, "bob@example.com"),
        ("bob@evil.nosuchtld", Kind.EMAIL, Reason.UNKNOWN_TLD, "bob@evil.nosuchtld"),
        ("info@cisa.gov", Kind.EMAIL, Reason.REFERENCE, "info@cisa.gov"),
        ("d41d8cd98f00b204e9800998ecf8427e", Kind.MD5, Reason.EMPTY_FILE,
         "d41d8cd98f00b204e9800998ecf8427e"),
        ("0" * 40, Kind.SHA1, Reason.PLACEHOLDER, "0" * 40),
        (SHA256[:56], Kind.SHA256, Reason.OTHER_HASH, SHA256[:56]),
        ("12345678" * 4, Kind.MD5, Reason.OTHER_HASH, "12345678" * 4),
        (f"Imphash: {MD5}", Kind.MD5, Reason.NO_FILE_HASH, MD5),
        (f"imphash:{MD5}", Kind.MD5, Reason.NO_FILE_HASH, MD5),
        (f"commit {SHA1}", Kind.SHA1, Reason.NO_FILE_HASH, SHA1),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyU", Kind.BITCOIN, Reason.CHECKSUM,
         "1BoatSLRHtKNngkdXEeobR76b53LETtpyU"),
        ("AS64512", Kind.AS_NUMBER, Reason.PRIVATE_AS, "AS64512"),
        ("AS400", Kind.AS_NUMBER, Reason.PRODUCT, "AS400"),
        ("rundll32.exe", Kind.FILE_NAME, Reason.SYSTEM_FILE, "rundll32.exe"),
        (r"C:\Windows\System32\cmd.exe", Kind.FILE_PATH, Reason.SYSTEM_FILE,
         r"C:\Windows\System32\cmd.exe"),
        (r"C:\Users\Public", Kind.FILE_PATH, Reason.DIRECTORY, r"C:\Users\Public"),
        ("/etc/passwd", Kind.FILE_PATH, Reason.SYSTEM_FILE, "/etc/passwd"),
        ("/var/log/nginx/", Kind.FILE_PATH, Reason.DIRECTORY, "/var/log/nginx/"),
        ("http://localhost:80/", Kind.URL, Reason.NO_HOST, "http://localhost:80/"),
        ("http://3232235777/", Kind.URL, Reason.NO_HOST, "http://3232235777/"),
        ("http://10.0.0.1/a", Kind.URL, Reason.PRIVATE, "http://10.0.0.1/a"),
        ("http://example.com/a", Kind.URL, Reason.DOCUMENTATION, "http://example.com/a"),
        ("http://evil.nosuchtld/", Kind.URL, Reason.UNKNOWN_TLD, "http://evil.nosuchtld/"),
        ("https://github.com/", Kind.URL, Reason.WELL_KNOWN, "https://github.com/"),
        ("http://evil.com:99999/", Kind.URL, Reason.PORT, "http://evil.com:99999/"),
        ("evil.com:99999/a", Kind.URL, Reason.PORT, "evil.com:99999/a"),
        ("10.0.0.1/a?b=c", Kind.URL, Reason.PRIVATE, "10.0.0.1/a?b=c"),
        ("evil[.]nosuchtld/a", Kind.URL, Reason.UNKNOWN_TLD, "evil.nosuchtld/a"),
        ("main.rs/x", Kind.URL, Reason.FILE_OR_DOMAIN, "main.rs/x"),
        ("evil.com/a?b=c…", Kind.URL, Reason.SHORTENED, "evil.com/a?b=c"),
        ("http://evil.com/abc…", Kind.URL, Reason.SHORTENED, "http://evil.com/abc"),
        ("http://evil.com/abc...", Kind.URL, Reason.SHORTENED, "http://evil.com/abc"),
    ],
)  # fmt: skip
def test_what_is_left_out_and_why(text: str, what: str, reason: str, value: str) -> None:
    assert seen(text) == []
    assert left_out(text) == [(what, reason, (value,))]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n", "no indicator at all, and no doubt", "e.g. this, i.e. that",
        "3.14 and 2.7.18", "12:34:56.789", "std::string x::y", "and/or TCP/IP", "foo.baz",
        "evil.nosuchtld", "evil.nosuchtld/x", "@handle", "a@b", "AS2 and AS", "T2000", "ASN ²",
        "ASN 12345678901", "CVE-20-1", "1.2.3", "1.2.3.4.5", "0x7f", "...", "://", "http://",
        "http:///path", "x" * 64, "::", "[]", "kernel.log:443", "9/11", "#1", "~", "/", "$HOME",
    ],
)  # fmt: skip
def test_what_is_nothing_at_all(text: str) -> None:
    assert read_text(text) == Recognised(Form.TEXT)


def test_a_version_is_told_by_what_stands_before_it_and_no_further() -> None:
    text = "versions 18.12.40.1, 18.12.40.2 and 18.12.40.3 speak to 185.220.101.5"
    assert seen(text) == [(Kind.IPV4, "185.220.101.5")]
    assert left_out(text) == [
        (Kind.IPV4, Reason.VERSION, ("18.12.40.1", "18.12.40.2", "18.12.40.3"))
    ]
    assert seen("Version\n185.220.101.5") == [(Kind.IPV4, "185.220.101.5")]
    assert seen("version 185[.]220.101.5") == [(Kind.IPV4, "185.220.101.5")]


def test_things_are_found_once_in_order_of_appearance() -> None:
    text = "b.com http://z.com/ a.com B.COM b[.]com 185.220.101.5 hxxp://z.com/ a.com"
    assert [value for _, value in seen(text)] == [
        "b.com",
        "http://z.com/",
        "a.com",
        "185.220.101.5",
    ]


def test_what_was_left_out_is_counted_once_and_shown_in_part() -> None:
    text = " ".join(f"10.0.0.{number}" for number in range(200)) + " 10.0.0.0"
    (one,) = read_text(text).left_out
    assert one.count == 200
    assert one.values == tuple(f"10.0.0.{number}" for number in range(SHOWN_VALUES))


def test_context_is_told_apart_from_what_is_detected() -> None:
    recognised = read_text("cve-2021-44228 by T1190, T1059.001 and T0817; not T1190 again")
    assert recognised.findings == ()
    assert [(one.kind, one.value) for one in recognised.context] == [
        (ContextKind.VULNERABILITY, "CVE-2021-44228"),
        (ContextKind.TECHNIQUE, "T1190"),
        (ContextKind.TECHNIQUE, "T1059.001"),
        (ContextKind.TECHNIQUE, "T0817"),
    ]


@pytest.mark.parametrize(
    ("text", "tlp", "pap", "undecided"),
    [
        ("nothing said", None, None, ()),
        ("TLP:CLEAR", TLP.CLEAR, None, ()),
        ("tlp:white", TLP.CLEAR, None, ()),
        ("[TLP: GREEN]", TLP.GREEN, None, ()),
        ("TLP:AMBER+STRICT", TLP.AMBER_STRICT, None, ()),
        ("TLP:AMBER + STRICT", TLP.AMBER_STRICT, None, ()),
        ("TLP AMBER STRICT", TLP.AMBER_STRICT, None, ()),
        ("tlp:amber-strict.", TLP.AMBER_STRICT, None, ()),
        ("TLP-RED", TLP.RED, None, ()),
        ("TLP:GREEN, one part TLP:RED", TLP.RED, None, ()),
        ("TLP:GREEN PAP:AMBER", TLP.GREEN, PAP.AMBER, ()),
        ("PAP: WHITE", None, PAP.CLEAR, ()),
        ("TLP:EX:CHR", TLP.RED, None, ("TLP:EX:CHR",)),
        ("TLP:GREEN and tlp:unclear", TLP.RED, None, ("tlp:unclear",)),
        ("PAP:PURPLE", None, PAP.RED, ("PAP:PURPLE",)),
        ("the TLP: a protocol", None, None, ()),
        ("redtlp:red", None, None, ()),
    ],
)
def test_the_strictest_label_counts(
    text: str, tlp: TLP | None, pap: PAP | None, undecided: tuple[str, ...]
) -> None:
    recognised = read_text(f"{text}\nevil[.]com")
    marking = recognised.marking
    assert (marking.tlp, marking.pap, marking.undecided) == (tlp, pap, undecided)
    assert recognised.findings[0].marking == marking


def test_a_run_without_gap_is_said_to_be_too_long() -> None:
    assert left_out("a" * LONGEST_WORD + "1.com") == [
        ("text", Reason.GAPLESS, ("a" * 199 + "…",)),
    ]
    long = "/".join(["evil.com"] * LONGEST_WORD)
    assert seen(long) == [(Kind.DOMAIN, "evil.com")]


def test_a_url_that_no_pattern_can_hold_is_left_out() -> None:
    recognised = read_text("http://evil.com/" + "a" * 9000)
    assert recognised.findings == ()
    assert [(one.what, one.count) for one in recognised.left_out] == [(Kind.URL, 1)]
    assert "8192 bytes" in recognised.left_out[0].reason


def test_more_indicators_than_are_read_at_once_are_refused_with_a_way_out() -> None:
    most = [f"185.{a}.{b}.1" for a in range(100) for b in range(LIMIT_COUNT // 100)]
    assert len(read_text(" ".join(most)).findings) == LIMIT_COUNT
    with pytest.raises(TooLargeError, match=f"more than the {LIMIT_COUNT} indicators") as refusal:
        read_text(" ".join([*most, "evil.com"]))
    assert refusal.value.hint == "Split it, and take the parts one after another."
    with pytest.raises(TooLargeError, match="vulnerabilities and techniques"):
        read_text(" ".join(f"CVE-2021-{number}" for number in range(10_000, 20_001)))


def test_the_lists_of_what_is_known_hold_nothing_that_can_never_match() -> None:
    for name in known.WELL_KNOWN | known.REFERENCES:
        host = read_host(name)
        assert host is not None, name
        assert host.reason in (Reason.WELL_KNOWN, Reason.REFERENCE), name
    for address in known.RESOLVERS:
        host = read_host(address)
        assert host is not None, address
        assert (host.value, host.reason) == (address, Reason.RESOLVER)
    for file in known.SYSTEM_FILES:
        read = read_unix_path(file) if file.startswith("/") else read_file_name(file)
        assert read == (file, Reason.SYSTEM_FILE)
