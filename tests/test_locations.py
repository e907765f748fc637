"""Which configuration and which rules are in force, by where a program is started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import locations
from pipeline.cli.features import command as features
from pipeline.errors import ConfigError
from pipeline.locations import GOVERNANCE, PROJECT, config_file
from pipeline.settings.config import load_kitchen

KITCHEN = (
    "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
    "symbols: {BTCUSDT: {market: futures_um}}\n"
)


def lay(path: Path, text: str = KITCHEN) -> Path:
    """A configuration at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a wheel: no checkout stands behind the package."""
    monkeypatch.setattr(locations, "IS_CHECKOUT", False)


@pytest.mark.parametrize("name", ["kitchen.yaml", "configs/kitchen.yaml"])
@pytest.mark.parametrize("below", ["", "a", "a/b/c"])
def test_the_nearest_one_above_the_working_folder_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, below: str
) -> None:
    """Its relative paths start at the folder that holds configs/, or at its own."""
    lay(tmp_path / "kitchen.yaml", "never: read")
    root = tmp_path / "root"
    file = lay(root / name)
    (root / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(root / below)

    kitchen = load_kitchen()

    assert kitchen.file == file
    assert (kitchen.raw, kitchen.snapshots) == (root / "raw", root / "snapshots")


def test_of_two_in_one_folder_the_plain_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kitchen.yaml before configs/kitchen.yaml, whichever was written last."""
    first = lay(tmp_path / "kitchen.yaml")
    lay(tmp_path / "configs/kitchen.yaml")
    monkeypatch.chdir(tmp_path)

    assert config_file() == first


def test_inside_configs_the_paths_start_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file is found from its own folder, with the same meaning."""
    lay(tmp_path / "configs/kitchen.yaml")
    monkeypatch.chdir(tmp_path / "configs")

    assert load_kitchen().raw == tmp_path / "raw"


def test_the_named_file_outranks_every_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KITCHEN_CONFIG, even where that file is not there: another one would be a guess."""
    lay(tmp_path / "kitchen.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KITCHEN_CONFIG", "elsewhere/mine.yaml")

    assert config_file() == tmp_path / "elsewhere/mine.yaml"
    with pytest.raises(ConfigError, match=r"mine\.yaml: no such file"):
        load_kitchen()


def test_a_link_that_leads_nowhere_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kitchen above it is another one, and is not taken in silence."""
    lay(tmp_path / "kitchen.yaml")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/kitchen.yaml").symlink_to(tmp_path / "gone.yaml")
    monkeypatch.chdir(tmp_path / "sub")

    with pytest.raises(ConfigError, match=r"sub/kitchen\.yaml: no such file"):
        load_kitchen()


def test_a_checkout_has_its_own_where_none_is_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder."""
    monkeypatch.chdir("/")

    assert config_file() == PROJECT / "configs/kitchen.yaml"


@pytest.mark.usefixtures("installed")
def test_an_installation_without_one_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, exit 40; a command that needs none works all the same."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=rf"looked for .* in {tmp_path} .*KITCHEN_CONFIG") as none:
        config_file()

    assert none.value.exit_code == 40
    assert CliRunner().invoke(features, ["list"]).exit_code == 0


@pytest.mark.usefixtures("installed")
def test_a_working_folder_that_is_gone_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell may stand in a folder that was removed."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(ConfigError, match="no configuration"):
        config_file()


def test_rules_are_the_named_ones_else_those_beside_else_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`governance/` lies where relative paths start."""
    roots = [tmp_path / name for name in ("named", "beside", "neither")]
    for root in roots:
        lay(root / "configs/kitchen.yaml")
    for folder in (roots[0] / "rules", roots[0] / "governance", roots[1] / "governance"):
        shutil.copytree(GOVERNANCE, folder)
    lay(
        roots[0] / "configs/kitchen.yaml",
        KITCHEN.replace("raw: raw", "raw: raw, governance: rules"),
    )

    in_force = []
    for root in roots:
        monkeypatch.chdir(root)
        in_force.append(load_kitchen().governance)

    assert in_force == [roots[0] / "rules", roots[1] / "governance", GOVERNANCE]


def test_features_and_align_go_by_the_rules_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules beside a configuration that cannot be used end in a sentence, never in the package's."""
    lay(tmp_path / "kitchen.yaml")
    lay(tmp_path / "governance/SCHEMA_features.json", "{}")
    monkeypatch.chdir(tmp_path)

    run = CliRunner().invoke(features, ["list"])

    assert isinstance(run.exception, ConfigError)
    assert str(tmp_path) in str(run.exception)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_that_a_stranger_could_lay_there_is_not_taken_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that anybody may write to; named, it is taken."""
    shared = tmp_path / "shared"
    file = lay(shared / "kitchen.yaml")
    os.chown(file, 12345, 12345)
    (shared / "mine").mkdir()
    monkeypatch.chdir(shared / "mine")
    assert config_file() == file  # a colleague's folder is none of these

    shared.chmod(0o1777)
    with pytest.raises(ConfigError, match="belongs to user 12345"):
        config_file()

    monkeypatch.setenv("KITCHEN_CONFIG", str(file))
    assert config_file() == file
