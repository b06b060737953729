from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hub.settings import (
    SettingsError,
    default_data_folder,
    load_settings,
    read_settings,
    too_open,
    unknown_variables,
    write_private,
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path / "data"))


def test_secrets_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    first, second = load_settings(), load_settings()
    assert first.secret_key.get_secret_value() == second.secret_key.get_secret_value()
    assert len(first.secret_key.get_secret_value()) >= 32
    assert first.secret_key != first.key_passphrase
    for name in ("secret.key", "keys.passphrase"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_reading_settings_makes_nothing(tmp_path: Path) -> None:
    read_settings()
    assert not (tmp_path / "data").exists()


def test_the_environment_wins_over_a_secret_file_and_both_over_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "tocsin.toml").write_text(
        f'metrics_token = "{"t" * 20}"\nweb_threads = 3\nbind = "127.0.0.1:1"\n'
    )
    assert read_settings().metrics_token.get_secret_value() == "t" * 20  # type: ignore[union-attr]
    assert read_settings().web_threads == 3
    secret = tmp_path / "token"
    secret.write_text("f" * 20 + "\n")
    monkeypatch.setenv("TOCSIN_METRICS_TOKEN_FILE", str(secret))
    assert read_settings().metrics_token.get_secret_value() == "f" * 20  # type: ignore[union-attr]
    monkeypatch.setenv("TOCSIN_METRICS_TOKEN", "e" * 20)
    monkeypatch.setenv("TOCSIN_BIND", "127.0.0.1:2")
    assert read_settings().metrics_token.get_secret_value() == "e" * 20  # type: ignore[union-attr]
    assert read_settings().bind == "127.0.0.1:2"
    assert read_settings(bind="127.0.0.1:3").bind == "127.0.0.1:3"


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().bind = "0.0.0.0:80"


def test_lists_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TRUSTED_PROXIES", '["10.0.0.0/8", "::1"]')
    monkeypatch.setenv("TOCSIN_PLAIN_HTTP_HOSTS", '["Lab.Example "]')
    settings = read_settings()
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.plain_http_hosts == ("lab.example",)


def test_lists_may_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    assert len(read_settings().trusted_proxies) == 2


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("SECRET_KEY", "short", "secret_key"),
        ("METRICS_TOKEN", "short", "metrics_token"),
        ("WEB_THREADS", "0", "web_threads"),
        ("WEB_THREADS", "many", "web_threads"),
        ("TRUSTED_PROXIES", "somewhere", "trusted_proxies.0"),
        ("LOG_LEVEL", "LOUD", "log_level"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_and_its_value_is_not_repeated(
    name: str, value: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TOCSIN_{name}", value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert caught.value.field == field
    assert field in caught.value.message
    if "SECRET" in name or "TOKEN" in name:
        assert value not in caught.value.message


def test_a_session_is_not_idle_for_longer_than_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SESSION_IDLE_SECONDS", "7200")
    monkeypatch.setenv("TOCSIN_SESSION_LIFE_SECONDS", "3600")
    with pytest.raises(SettingsError, match="longer than"):
        read_settings()


def test_an_unknown_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tocsin.toml").write_text("web_thread = 3\n")
    with pytest.raises(SettingsError, match="web_thread"):
        read_settings()


@pytest.mark.parametrize("content", [b"not toml", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tocsin.toml").write_bytes(content)
    with pytest.raises(SettingsError, match="not TOML"):
        read_settings()


def test_a_secret_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SECRET_KEY_FILE", "/nowhere/at/all")
    with pytest.raises(SettingsError, match="TOCSIN_SECRET_KEY_FILE"):
        read_settings()


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(SettingsError, match="can't be used") as caught:
        load_settings()
    assert str(tmp_path / "data") in caught.value.message


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    settings = load_settings(database_url="postgresql://a:hunter2@db/x")
    assert "hunter2" not in repr(settings)
    assert settings.secret_key.get_secret_value() not in repr(settings)
    assert not settings.on_sqlite


def test_nodes_on_one_host_have_cookies_of_different_names(tmp_path: Path) -> None:
    one, other = load_settings(data=tmp_path / "a"), load_settings(data=tmp_path / "b")
    assert one.cookie_suffix != other.cookie_suffix
    assert one.cookie_suffix == load_settings(data=tmp_path / "a").cookie_suffix


def test_the_service_manager_names_the_folder() -> None:
    assert default_data_folder({"STATE_DIRECTORY": "/srv/one:/srv/two"}) == Path("/srv/one")


def test_a_slip_in_a_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_WEB_TREADS", "3")
    assert unknown_variables() == ["TOCSIN_WEB_TREADS"]


def test_a_private_file_is_written_over_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"one")
    with pytest.raises(FileExistsError):
        write_private(path, b"two")
    assert path.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert not too_open(path)
    path.chmod(0o640)
    assert too_open(path)
