"""Folders below the home folder, and the errors of an account that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.storage.user_folders import base_folder, expand_home


def test_the_variable_comes_before_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/toasoan")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert base_folder("XDG_CACHE_HOME", ".cache", remedy="set it") == Path("/home/toasoan/.cache")
    monkeypatch.setenv("XDG_CACHE_HOME", "/srv/cache")
    assert base_folder("XDG_CACHE_HOME", ".cache", remedy="set it") == Path("/srv/cache")


def test_a_home_folder_is_replaced_and_one_of_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/toasoan")
    assert expand_home("~/comet") == Path("/home/toasoan/comet")
    with pytest.raises(UsageError, match=r"~khong-ai-ca/comet: ~ cannot be replaced.*write the whole path"):
        expand_home("~khong-ai-ca/comet")
