"""What honest people and reports name all the time, and what a block list must never hold.

A short list of our own on purpose: what is missing here is shown to a person, who decides; what is
here is shown as left out, with its reason.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why something that looks like an indicator is not taken as one, in plain words."""

    PRIVATE = "an address of private networks, which means something else in each of them"
    LOOPBACK = "the address of a machine itself"
    DOCUMENTATION = "kept for examples in documentation"
    SPECIAL = "an address or name with a special use, which belongs to nobody"
    NO_IPV4 = "four numbers like an IPv4 address that are none; a version number, perhaps"
    LEADING_ZERO = "an IPv4 address with leading zeros, which is read in two ways"
    VERSION = "a version or section number by what stands before it"
    ADDRESS_RANGE = "a range of addresses; written as a network (CIDR) it can be taken"
    WIDE = "a network so wide that it holds everybody"
    RESOLVER = "a public name server that honest people use"
    UNKNOWN_TLD = "its top-level domain is not on the list of those that there are"
    PUBLIC_SUFFIX = "a suffix under which anybody may register, not a domain of somebody"
    WELL_KNOWN = "a well-known service that honest people use"
    REFERENCE = "a site that reports refer to; written defanged it is taken"
    FILE_OR_DOMAIN = "a file name or a domain, which can't be told; written defanged it is taken"
    SENTENCES = "the end of a sentence and the beginning of the next; written defanged it is taken"
    CODE = "program code; written defanged it is taken"
    EMPTY_FILE = "the hash of an empty file"
    PLACEHOLDER = "one digit again and again, which is no hash"
    OTHER_HASH = "a hash of a kind that is not taken, or no hash"
    NO_FILE_HASH = "a hash of something else than a file by what stands before it"
    CHECKSUM = "a Bitcoin address by its form, but its checksum does not hold"
    SYSTEM_FILE = "a file of the operating system itself"
    DIRECTORY = "a directory, and no file in it"
    PORT = "its port is none; they go from 1 to 65535"
    SHORTENED = "shortened with dots by whoever wrote it"
    GAPLESS = "a run of characters without a gap that is too long to hold an indicator"
    PRIVATE_AS = "a number of private use or for documentation"
    PRODUCT = "the name of a product"
    NO_HOST = "its host is no address and no name that the internet knows"


EMPTY_FILE_HASHES: Final = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        (
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
    }
)

RESOLVERS: Final = frozenset(
    {
        "1.0.0.1", "1.1.1.1", "4.2.2.1", "4.2.2.2", "8.8.4.4", "8.8.8.8", "9.9.9.9",
        "149.112.112.112", "208.67.220.220", "208.67.222.222",
        "2001:4860:4860::8844", "2001:4860:4860::8888", "2606:4700:4700::1001",
        "2606:4700:4700::1111", "2620:fe::9", "2620:fe::fe",
    }
)  # fmt: skip

WELL_KNOWN: Final = frozenset(
    {
        "adobe.com", "akamai.com", "amazon.com", "amazonaws.com", "apple.com", "archive.org",
        "azure.com", "baidu.com", "bing.com", "bit.ly", "bitbucket.org", "cdn.discordapp.com",
        "cloudflare.com", "discord.com", "docs.google.com", "drive.google.com", "dropbox.com",
        "duckduckgo.com", "facebook.com", "firefox.com", "github.com", "gitlab.com", "gmail.com",
        "goo.gl", "google.com", "googleapis.com", "hotmail.com", "ifconfig.me", "instagram.com",
        "ipinfo.io", "linkedin.com", "live.com", "login.microsoftonline.com", "mega.nz",
        "microsoft.com", "mozilla.org", "npmjs.com", "office.com", "office365.com",
        "onedrive.live.com", "oracle.com", "outlook.com", "pastebin.com", "paypal.com",
        "protonmail.com", "pypi.org", "python.org", "raw.githubusercontent.com", "reddit.com",
        "sharepoint.com", "signal.org", "skype.com", "slack.com", "sourceforge.net",
        "stackoverflow.com", "t.co", "t.me", "telegram.org", "tinyurl.com", "trello.com",
        "twitter.com", "whatsapp.com", "windows.com", "windowsupdate.com", "wordpress.com",
        "wordpress.org", "x.com", "yahoo.com", "yandex.ru", "youtube.com", "zoom.us",
    }
)  # fmt: skip
"""Never taken for themselves, only with a path below them: an attacker's file lies there too."""

REFERENCES: Final = frozenset(
    {
        "abuse.ch", "any.run", "attack.mitre.org", "bleepingcomputer.com", "cert.europa.eu",
        "cisa.gov", "crowdstrike.com", "cve.mitre.org", "cve.org", "cvedetails.com",
        "enisa.europa.eu", "eset.com", "first.org", "hybrid-analysis.com", "ietf.org",
        "kaspersky.com", "krebsonsecurity.com", "learn.microsoft.com", "mandiant.com",
        "misp-project.org", "mitre.org", "msrc.microsoft.com", "ncsc.gov.uk", "nist.gov",
        "oasis-open.org", "rfc-editor.org", "secureworks.com", "securelist.com", "shodan.io",
        "support.microsoft.com", "symantec.com", "talosintelligence.com", "trendmicro.com",
        "unit42.paloaltonetworks.com", "urlscan.io", "us-cert.gov", "virustotal.com",
        "welivesecurity.com", "wikipedia.org",
    }
)  # fmt: skip
"""With everything below them; whoever means one of them as an indicator writes it defanged."""

PRODUCTS: Final = frozenset(
    {
        "ado.net", "angular.js", "as400", "asp.net", "d3.js", "express.js", "java.io",
        "jquery.js", "ml.net", "next.js", "node.js", "nuxt.js", "react.js", "socket.io",
        "three.js", "vb.net", "vue.js",
    }
)  # fmt: skip

SYSTEM_FILES: Final = frozenset(
    {
        "advapi32.dll", "certutil.exe", "cmd.exe", "conhost.exe", "cscript.exe", "csrss.exe",
        "dllhost.exe", "explorer.exe", "gdi32.dll", "iexplore.exe", "installutil.exe",
        "kernel32.dll", "lsass.exe", "msbuild.exe", "mshta.exe", "msiexec.exe", "mshtml.dll",
        "net.exe", "notepad.exe", "ntdll.dll", "ntoskrnl.exe", "ole32.dll", "outlook.exe",
        "powershell.exe", "pwsh.exe", "reg.exe", "regasm.exe", "regsvr32.exe", "rundll32.exe",
        "sc.exe", "schtasks.exe", "services.exe", "shell32.dll", "smss.exe", "svchost.exe",
        "taskhost.exe", "user32.dll", "vssadmin.exe", "wevtutil.exe", "wininet.dll",
        "winlogon.exe", "winword.exe", "wmic.exe", "wmiprvse.exe", "ws2_32.dll", "wscript.exe",
        "/bin/bash", "/bin/sh", "/dev/null", "/dev/tcp", "/etc/crontab", "/etc/group",
        "/etc/hosts", "/etc/passwd", "/etc/resolv.conf", "/etc/shadow", "/usr/bin/env",
        "/usr/bin/python", "/usr/bin/python3", "/usr/bin/curl", "/usr/bin/wget", "/usr/bin/perl",
        "/proc/self/exe",
    }
)  # fmt: skip
