"""Settings: read once, frozen, from the environment, from secret files and from one TOML file.

Where a setting is given twice, the environment wins over its `_FILE` variant, and both win over
`tocsin.toml` in the data folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from policies.errors import InvalidError

PREFIX: Final = "TOCSIN_"
TOML_NAME: Final = "tocsin.toml"
SECRET_KEY_FILE: Final = "secret.key"  # noqa: S105 - the name of a file
PASSPHRASE_FILE: Final = "keys.passphrase"  # noqa: S105 - the name of a file
RESTORING_FILE: Final = "restoring"
"""Lies in the data folder while a restore is under way."""
DATABASE_NAME: Final = "tocsin.sqlite"
SECRETS: Final = ("secret_key", "key_passphrase", "database_url", "metrics_token")
MIN_SECRET_KEY_LENGTH: Final = 32
MIN_TOKEN_LENGTH: Final = 16

IpNetwork = IPv4Network | IPv6Network


class SettingsError(InvalidError):
    """The settings can't be read; the sentence names the setting."""


class Settings(BaseSettings):
    """All that can be set. Each field `x` is `TOCSIN_X` in the environment and `x` in the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    data: Path
    database_url: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    key_passphrase: SecretStr = SecretStr("")

    bind: str = Field("127.0.0.1:8000", max_length=300)
    web_processes: int = Field(2, ge=1, le=64)
    web_threads: int = Field(8, ge=1, le=128)
    trusted_proxies: Annotated[tuple[IpNetwork, ...], NoDecode] = ()
    max_body_bytes: int = Field(16 * 1024 * 1024, ge=1024 * 1024, le=256 * 1024 * 1024)

    max_envelope_bytes: int = Field(32 * 1024 * 1024, ge=8 * 1024 * 1024, le=256 * 1024 * 1024)
    poll_seconds: int = Field(30, ge=1, le=300)

    quota_requests: int = Field(3000, ge=10, le=1_000_000)
    quota_bytes: int = Field(256 * 1024 * 1024, ge=1024 * 1024, le=1 << 40)
    quota_contributions: int = Field(1200, ge=1, le=1_000_000)
    quota_at_once: int = Field(6, ge=1, le=128)
    quota_strangers: int = Field(1200, ge=10, le=1_000_000)

    session_idle_seconds: int = Field(8 * 3600, ge=60, le=7 * 86400)
    session_life_seconds: int = Field(7 * 86400, ge=300, le=90 * 86400)

    plain_http_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    private_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    private_networks: Annotated[tuple[IpNetwork, ...], NoDecode] = ()
    partner_ca_file: Path | None = None

    metrics_token: SecretStr | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator(
        "trusted_proxies", "plain_http_hosts", "private_hosts", "private_networks", mode="before"
    )
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take a list as JSON or with commas, as people write it in an environment file."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [item for part in value.split(",") if (item := part.strip())]

    @field_validator("plain_http_hosts", "private_hosts")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(host.strip().lower() for host in value)

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < MIN_SECRET_KEY_LENGTH:
            raise ValueError(f"needs {MIN_SECRET_KEY_LENGTH} characters or more")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _no_guessing(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_TOKEN_LENGTH:
            raise ValueError(f"needs {MIN_TOKEN_LENGTH} characters or more")
        return value

    @model_validator(mode="after")
    def _idle_within_life(self) -> Self:
        if self.session_idle_seconds > self.session_life_seconds:
            raise ValueError("session_idle_seconds is longer than session_life_seconds")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say which source wins: arguments, then the environment."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @property
    def database_address(self) -> str:
        """The SQLAlchemy URL: the one that was set, or SQLite in the data folder."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data / DATABASE_NAME}"

    @property
    def on_sqlite(self) -> bool:
        """Tell whether the embedded database is in use."""
        return self.database_address.startswith("sqlite")

    @property
    def keys_folder(self) -> Path:
        """Where the node's private keys lie."""
        return self.data / "keys"

    @property
    def session_idle(self) -> timedelta:
        """How long a session lives without being used."""
        return timedelta(seconds=self.session_idle_seconds)

    @property
    def session_life(self) -> timedelta:
        """How long a session lives at most."""
        return timedelta(seconds=self.session_life_seconds)

    @property
    def cookie_suffix(self) -> str:
        """Eight digits that keep the cookies of several nodes on one host apart.

        Cookies do not know of ports, so two nodes on 127.0.0.1 would sign each other's people out.
        """
        text = f"cookie\0{self.secret_key.get_secret_value()}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def default_data_folder(environ: Mapping[str, str]) -> Path:
    """Say where a node keeps its data if nobody named a folder.

    The folder that systemd made for the service, else `/var/lib/tocsin` for root, else the
    place for data in the person's home.
    """
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/tocsin")
    home = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "tocsin"


def load_settings(**given: Any) -> Settings:
    """Read the settings; make the data folder and its secrets where they are missing.

    Args:
        given: settings by name, which win over everything else.

    Raises:
        SettingsError: a setting that can't be read, or a folder that can't be written.
    """
    settings = read_settings(**given)
    _require_whole_restore(settings)
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        missing = {
            name: SecretStr(_kept_secret(settings.data / file_name))
            for name, file_name in (
                ("secret_key", SECRET_KEY_FILE),
                ("key_passphrase", PASSPHRASE_FILE),
            )
            if not getattr(settings, name).get_secret_value()
        }
    except OSError as error:
        raise SettingsError(
            f"the data folder {settings.data} can't be used: {error.strerror}",
            field="data",
            hint=f"Name a folder that this account may write to with {PREFIX}DATA.",
        ) from error
    return settings.model_copy(update=missing)


def read_settings(**given: Any) -> Settings:
    """Read the settings and change nothing, not even a missing secret.

    Raises:
        SettingsError: a setting that can't be read.
    """
    environ = os.environ
    data = Path(
        given.get("data") or environ.get(f"{PREFIX}DATA") or default_data_folder(environ)
    ).expanduser()
    from_files = {name: text for name in SECRETS if (text := _from_file(name, environ)) is not None}
    values = {**_from_toml(data / TOML_NAME), **from_files}
    values = {
        name: value for name, value in values.items() if not environ.get(f"{PREFIX}{name.upper()}")
    }
    try:
        return Settings(**{**values, **given, "data": data})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # Beyond the setting and the place in its list, pydantic tells of its own inner ways.
        name = ".".join(str(part) for part in first["loc"][:2])
        message = first["msg"].removeprefix("Value error, ")
        subject = f"setting {name}" if name else "settings"
        raise SettingsError(f"{subject}: {message}", field=name or None) from None


def unknown_variables() -> list[str]:
    """Name what is set in the environment with our prefix and is no setting: a slip, most likely.

    Settings of tests and tools are not ours to judge, so this is a hint and no refusal.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _from_file(name: str, environ: Mapping[str, str]) -> str | None:
    variable = f"{PREFIX}{name.upper()}_FILE"
    file_name = environ.get(variable)
    if not file_name or environ.get(f"{PREFIX}{name.upper()}"):
        return None
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{variable} names {file_name}, which can't be read: {error}"
        ) from error


def _require_whole_restore(settings: Settings) -> None:
    """Refuse to work on what a restore has left half done.

    Raises:
        SettingsError: a restore did not come to its end.
    """
    if (settings.data / RESTORING_FILE).exists():
        raise SettingsError(
            "a restore of this node did not come to its end",
            hint="Repeat it: tocsin restore --force FILE",
        )


def write_private(path: Path, data: bytes) -> None:
    """Write a file for its owner alone: whole or not at all, on the disk when this returns.

    Raises:
        FileExistsError: there is such a file; nothing is written over it.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        path.hardlink_to(draft)  # unlike a rename, this fails where a file is
    finally:
        draft.unlink()


def _kept_secret(path: Path) -> str:
    """Read a secret of the node, or make it; if another process was first, its one counts."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            write_private(path, f"{secrets.token_urlsafe(48)}\n".encode())
    return path.read_text(encoding="ascii").strip()


def too_open(path: Path) -> bool:
    """Tell whether others than the owner may read or change this file or folder."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
