"""Shipped files are found in a checkout and in an installed wheel, and only by their own names."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas import shipped as module
from schemas.errors import ConfigError
from schemas.shipped import names, shipped, shipped_text

ROOT = Path(__file__).parents[2]


def test_checkout_has_the_originals() -> None:
    assert shipped("mixtures", "llama-1") == ROOT / "data" / "mixtures" / "llama-1.toml"


@pytest.mark.parametrize("kind", module.KINDS)
def test_names_are_those_of_the_folder(kind: str) -> None:
    in_folder = sorted(p.name[:-5] for p in (ROOT / "data" / kind).iterdir() if p.suffix == ".toml")
    assert names(kind) == in_folder


def test_installed_copy_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages" / "schemas" / "_shipped" / "recipes"
    installed.mkdir(parents=True)
    (installed / "demo.toml").write_text('name = "demo"\n', encoding="utf-8")
    monkeypatch.setattr(module, "_HERE", tmp_path / "site-packages" / "schemas")
    assert names("recipes") == ["demo"]
    assert shipped("recipes", "demo") == installed / "demo.toml"
    assert shipped_text("recipes", "demo") == 'name = "demo"\n'


def test_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'slim-pajama'.*one of .*Did you mean 'slimpajama'\?"):
        shipped("mixtures", "slim-pajama")


def test_name_far_from_all_lists_them() -> None:
    with pytest.raises(ConfigError, match=r"one of amber, .*Take one of these names\."):
        shipped("mixtures", "~~~~~~")


@pytest.mark.parametrize("name", ["../recipes/demo", "llama-1.toml", "", "*", "/etc/hosts"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(ConfigError):
        shipped("mixtures", name)


def test_unknown_kind() -> None:
    with pytest.raises(ConfigError, match=r"kind 'recipe'.*Did you mean 'recipes'\?"):
        names("recipe")
