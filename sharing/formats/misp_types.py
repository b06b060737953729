"""The types of MISP attributes that something is detected by, and the pattern of each.

Source: MISP core format, types of attributes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from sharing.formats import bitcoin
from sharing.formats.hosts import Host, read_ipv4, read_ipv6, read_name, read_port
from sharing.formats.known import Reason
from sharing.formats.patterns import (
    equals,
    of_certificate,
    of_endpoint,
    of_hashes,
    pattern_of,
    within,
)
from sharing.formats.recognised import Kind, is_writable

_MALFORMED: Final = frozenset({Reason.NO_IPV4, Reason.LEADING_ZERO})
_HEX: Final = re.compile(r"[0-9a-f]+", re.ASCII)
_AS: Final = re.compile(r"(?:AS)?(\d{1,10})", re.ASCII | re.IGNORECASE)
_MAC: Final = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}", re.ASCII)
_MAX_AS: Final = 2**32 - 1

HASH_TYPES: Final[Mapping[str, Kind]] = {
    "md5": Kind.MD5,
    "sha1": Kind.SHA1,
    "sha256": Kind.SHA256,
    "sha512": Kind.SHA512,
    "sha3-256": Kind.SHA3_256,
    "sha3-512": Kind.SHA3_512,
}
_HASH_LENGTHS: Final[Mapping[Kind, int]] = {
    Kind.MD5: 32,
    Kind.SHA1: 40,
    Kind.SHA256: 64,
    Kind.SHA512: 128,
    Kind.SHA3_256: 64,
    Kind.SHA3_512: 128,
}
_HIVES: Final[Mapping[str, str]] = {
    "HKCC": "HKEY_CURRENT_CONFIG",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKCU": "HKEY_CURRENT_USER",
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
}


@dataclass(frozen=True, slots=True)
class Detectable:
    """What an attribute says that something is detected by.

    Args:
        hash_of_file: a file's, which may have other hashes beside it.
        file_name: under which that file is known.
    """

    kind: Kind
    value: str
    pattern: str
    hash_of_file: bool = False
    file_name: str | None = None


Reader = Callable[[str], Detectable | None]


def is_detectable(misp_type: str) -> bool:
    """Tell whether something is detected by attributes of this type."""
    return misp_type in _READERS


def read_attribute(misp_type: str, value: str) -> Detectable | None:
    """Read an attribute of such a type; `None` where its value is not well formed."""
    value = value.strip()
    return _READERS[misp_type](value) if is_writable(value) else None


def _single(kind: Kind, value: str) -> Detectable:
    return Detectable(kind, value, pattern_of(kind, value))


def _read_address(text: str) -> Host | None:
    host = read_ipv4(text) or read_ipv6(text)
    return None if host is None or host.reason in _MALFORMED else host


def _address(value: str) -> Detectable | None:
    host = _read_address(value)
    return None if host is None else _single(host.kind, host.value)


def _name(value: str) -> Detectable | None:
    host = read_name(value.removesuffix("."))
    return None if host is None else _single(host.kind, host.value)


def _endpoint(side: str, value: str) -> Detectable | None:
    text, _, port_text = value.rpartition("|")
    host, port = _read_address(text) or read_name(text), read_port(port_text)
    if host is None or port is None or "/" in host.value:
        return None
    shown = f"[{host.value}]:{port}" if host.kind is Kind.IPV6 else f"{host.value}:{port}"
    return Detectable(Kind.ENDPOINT, shown, of_endpoint(host.kind, host.value, port, side=side))


def _name_and_address(value: str) -> Detectable | None:
    name_text, _, address_text = value.partition("|")
    name, address = read_name(name_text), _read_address(address_text)
    if name is None or address is None:
        return None
    resolves = equals("domain-name:resolves_to_refs[*].value", address.value)
    pattern = within(f"{equals('domain-name:value', name.value)} AND {resolves}")
    return Detectable(Kind.DOMAIN, name.value, pattern)


def _url(value: str) -> Detectable | None:
    return None if " " in value else _single(Kind.URL, value)


def _uri(value: str) -> Detectable | None:
    if not value.startswith("/"):
        return _url(value)
    path = "network-traffic:extensions.'http-request-ext'.request_value"
    return Detectable(Kind.URL, value, within(equals(path, value)))


def _hash(kind: Kind, value: str) -> Detectable | None:
    value = value.lower()
    if len(value) != _HASH_LENGTHS[kind] or _HEX.fullmatch(value) is None:
        return None
    return Detectable(kind, value, of_hashes([(kind, value)]), hash_of_file=True)


def _name_and_hash(kind: Kind, value: str) -> Detectable | None:
    """Read a file by its hash; whoever renames it does not change that, so the name is no part."""
    name, _, digits = value.rpartition("|")
    found = _hash(kind, digits)
    if found is None:
        return None
    return Detectable(kind, found.value, found.pattern, hash_of_file=True, file_name=name or None)


def _fingerprint(kind: Kind, value: str) -> Detectable | None:
    found = _hash(kind, value.replace(":", ""))
    if found is None:
        return None
    return Detectable(Kind.CERTIFICATE, found.value, of_certificate(kind, found.value))


def _file_name(value: str) -> Detectable | None:
    directory, _, name = value.rpartition("\\" if "\\" in value else "/")
    if directory and not name:
        return None
    return _single(Kind.FILE_PATH if directory else Kind.FILE_NAME, value)


def _email(value: str) -> Detectable | None:
    local, at, domain = value.rpartition("@")
    return _single(Kind.EMAIL, value) if local and at and domain else None


def _of_message(path: str, value: str) -> Detectable | None:
    return Detectable(Kind.MESSAGE, value, within(equals(f"email-message:{path}", value)))


def _registry_key(value: str) -> Detectable | None:
    return Detectable(Kind.REGISTRY_KEY, value, pattern_of(Kind.REGISTRY_KEY, _with_hive(value)))


def _registry_value(value: str) -> Detectable | None:
    key, _, data = value.partition("|")
    if not key or not data:
        return None
    pattern = (
        f"{equals('windows-registry-key:key', _with_hive(key))}"
        f" AND {equals('windows-registry-key:values[*].data', data)}"
    )
    return Detectable(Kind.REGISTRY_KEY, value, within(pattern))


def _with_hive(key: str) -> str:
    """Write a hive in full, as STIX asks for."""
    hive, backslash, rest = key.partition("\\")
    return f"{_HIVES.get(hive.upper(), hive)}{backslash}{rest}"


def _as_number(value: str) -> Detectable | None:
    match = _AS.fullmatch(value)
    if match is None or not 0 < int(match[1]) <= _MAX_AS:
        return None
    return _single(Kind.AS_NUMBER, f"AS{int(match[1])}")


def _mac(value: str) -> Detectable | None:
    value = value.lower()
    if _MAC.fullmatch(value) is None:
        return None
    return _single(Kind.MAC, value.replace("-", ":"))


def _bitcoin(value: str) -> Detectable | None:
    if not bitcoin.looks_like_address(value) or not bitcoin.checksum_holds(value):
        return None
    return _single(Kind.BITCOIN, value)


_READERS: Final[Mapping[str, Reader]] = {
    "AS": _as_number,
    "btc": _bitcoin,
    "domain": _name,
    "domain|ip": _name_and_address,
    "email": _email,
    "email-attachment": partial(_of_message, "body_multipart[*].body_raw_ref.name"),
    "email-dst": partial(_of_message, "to_refs[*].value"),
    "email-message-id": partial(_of_message, "message_id"),
    "email-reply-to": partial(_of_message, "additional_header_fields.'Reply-To'"),
    "email-src": partial(_of_message, "from_ref.value"),
    "email-subject": partial(_of_message, "subject"),
    "email-x-mailer": partial(_of_message, "additional_header_fields.'X-Mailer'"),
    "filename": _file_name,
    "hostname": _name,
    "hostname|port": partial(_endpoint, "dst"),
    "ip-dst": _address,
    "ip-dst|port": partial(_endpoint, "dst"),
    "ip-src": _address,
    "ip-src|port": partial(_endpoint, "src"),
    "mac-address": _mac,
    "malware-sample": partial(_name_and_hash, Kind.MD5),
    "mutex": partial(_single, Kind.MUTEX),
    "regkey": _registry_key,
    "regkey|value": _registry_value,
    "uri": _uri,
    "url": _url,
    "user-agent": partial(_single, Kind.USER_AGENT),
    **{name: partial(_hash, kind) for name, kind in HASH_TYPES.items()},
    **{f"filename|{name}": partial(_name_and_hash, kind) for name, kind in HASH_TYPES.items()},
    **{
        f"x509-fingerprint-{name}": partial(_fingerprint, HASH_TYPES[name])
        for name in ("md5", "sha1", "sha256")
    },
}
