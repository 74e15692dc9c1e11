"""What an installed tomdich has: the example configs that `init` and the README name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline.commands.examples import INSTALLED, example_config
from tests.conftest import tomdich

ROOT = Path(__file__).parents[1]
CONFIGS = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*") if path.is_file()}


def test_init_names_an_example_that_is_there(tmp_path: Path) -> None:
    assert tomdich("init", "mine", cwd=tmp_path).returncode == 0
    written = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    (named,) = re.findall(r"an example with them: (.+)", written)
    assert Path(named).is_file()
    assert Path(named) == example_config("gpu.yaml")
    assert example_config("no-such.yaml") is None


def test_every_config_is_among_the_data_files() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["data-files"]
    found = {
        f"{folder.removeprefix('share/tomdich/')}/{path.name}": path.relative_to(ROOT).as_posix()
        for folder, patterns in listed.items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.is_file()
    }
    assert set(found) == CONFIGS  # in the same folders as here: quickstart.yaml names its own
    assert all(name == path for name, path in found.items())


@pytest.mark.skipif(int(version("setuptools").split(".")[0]) < 77, reason="the build needs setuptools 77")
def test_the_wheel_and_the_sdist_hold_the_configs_and_an_installation_finds_them(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        ROOT / "pipeline", source / "pipeline",
        ignore=shutil.ignore_patterns("__pycache__", "*.safetensors", "*.model", "tokenizer.json"),
    )  # fmt: skip
    shutil.copytree(ROOT / "configs", source / "configs")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = (
        "import sys; from setuptools import build_meta; folder = sys.argv[1]; "
        "build_meta.build_sdist(folder); build_meta.build_wheel(folder)"
    )
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=source, check=True, capture_output=True, timeout=200)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert {name.partition("/")[2] for name in archive.getnames()} >= CONFIGS
    with zipfile.ZipFile(wheel) as packed:
        data = f"{wheel.name.rsplit('-', 3)[0]}.data/data/{INSTALLED.removesuffix('configs')}"
        assert {name.removeprefix(data) for name in packed.namelist() if name.startswith(data)} == CONFIGS
    install = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        "--prefix",
        str(tmp_path),
        str(wheel),
    ]
    subprocess.run([sys.executable, *install], check=True, capture_output=True, timeout=200)
    (site,) = tmp_path.glob("lib/python*/site-packages")
    shown = subprocess.run(
        [sys.executable, "-c", "from pipeline.commands.examples import example_config as find; print(find('gpu.yaml'))"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == str(tmp_path / INSTALLED / "gpu.yaml")


def test_a_pipeline_of_another_distribution_is_told_from_ours(tmp_path: Path) -> None:
    """Two distributions with one package name share a folder: the last one installed has its `__init__.py` there."""
    shutil.copytree(ROOT / "pipeline" / "cli", tmp_path / "pipeline" / "cli")
    (tmp_path / "pipeline" / "__init__.py").write_text('__version__ = "7"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "another distribution has installed its own `pipeline`" in done.stderr
    assert "Traceback" not in done.stderr
