"""Writing to a path that a user names: a file is replaced whole and keeps its mode, anything else is written into."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
import pytest
import yaml

from pipeline.errors import UsageError, WorldError
from pipeline.export import output_file
from pipeline.export.brief import write as write_brief
from pipeline.export.spreadsheets import export
from pipeline.storage.atomic import own_descriptor, replacing, write_atomically, writing
from pipeline.storage.versions import Version
from pipeline.train import state
from tests.conftest import article, tomdich
from tests.published import publish
from tests.refusals import as_nobody

TARGETS = ("regular", "absent", "link", "dangling", "chain")
needs_device = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a device")
NULL, FULL = os.makedev(1, 3), os.makedev(1, 7)  # Linux: Documentation/admin-guide/devices.txt


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return publish(tmp_path, [article(n) for n in range(3)])


class Reader:
    """Reads a named pipe to its end in a thread of its own."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path, self.data = path, b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self.data = self.path.read_bytes()

    def all(self) -> bytes:
        self._thread.join(30)
        assert not self._thread.is_alive(), "the pipe was never opened: the reader hangs"
        assert stat.S_ISFIFO(self.path.stat().st_mode)
        return self.data


def make_target(kind: str, folder: Path) -> tuple[Path, Path]:
    """Return a path to write to, and the file that must hold the content afterwards."""
    real, link = folder / "real", folder / "link"
    match kind:
        case "absent":
            return real, real
        case "regular":
            real.write_text("old")
            return real, real
        case "dangling":
            link.symlink_to("real")
            return link, real
        case "link":
            real.write_text("old")
            link.symlink_to("real")
            return link, real
        case _:
            (folder / "elsewhere").mkdir()
            real = folder / "elsewhere" / "real"
            real.write_text("old")
            (folder / "between").symlink_to(real)
            link.symlink_to("between")
            return link, real


@pytest.mark.parametrize("kind", TARGETS)
def test_a_link_is_followed_and_stays(tmp_path: Path, kind: str) -> None:
    path, real = make_target(kind, tmp_path)
    was_link = path.is_symlink()
    write_atomically(path, "mới")
    assert real.read_text(encoding="utf-8") == "mới"
    assert path.is_symlink() is was_link
    assert not real.is_symlink()
    assert list(tmp_path.rglob(".tmp-*")) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_of_a_file_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    with replacing(path) as file:
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 12345, 54321)
    with replacing(path) as file:
        file.write(b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_file_with_the_longest_name_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("đ" * 127)
    write_atomically(path, "1")
    write_atomically(path, "2")
    assert path.read_text() == "2"


def test_a_temporary_file_is_none_that_a_collector_of_metrics_takes(tmp_path: Path) -> None:
    with replacing(tmp_path / "night.prom") as file:
        file.write(b"half")
        file.flush()
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".prom"] == []


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        write_atomically(tmp_path / "pipe", "x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_pipe_that_may_not_be_written_to_is_named() -> None:
    with as_nobody() as folder:
        os.mkfifo(folder / "pipe", mode=0)
        with pytest.raises(PermissionError) as raised, writing(folder / "pipe"):
            pass
    assert raised.value.filename == str(folder / "pipe")


def test_links_that_lead_to_each_other_lead_to_no_descriptor_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert own_descriptor(tmp_path / "a") is None
    with pytest.raises(OSError, match="Too many levels of symbolic links"), writing(tmp_path / "a"):
        pass


# Exports and briefs


@pytest.mark.parametrize("to", ["csv", "xlsx", "jsonl"])
def test_an_export_goes_into_a_named_pipe(version: Version, tmp_path: Path, to: Any) -> None:
    reader = Reader(tmp_path / "pipe")
    assert export(version, to=to, output=reader.path) == reader.path
    read = reader.all()
    export(version, to=to, output=tmp_path / f"file.{to}")
    if to == "xlsx":
        whole, piped = (
            [[*sheet.iter_rows(values_only=True)] for sheet in openpyxl.load_workbook(io.BytesIO(data)).worksheets]
            for data in ((tmp_path / "file.xlsx").read_bytes(), read)
        )
        assert piped == whole
    else:
        assert read == (tmp_path / f"file.{to}").read_bytes()


def test_a_brief_goes_into_a_named_pipe(version: Version, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "pipe")
    write_brief(version, to="md", watch=None, hold="mark", title=None, output=reader.path)
    assert reader.all().startswith(b"# ")


@needs_device
@pytest.mark.parametrize("linked", [False, True])
def test_an_export_goes_into_a_device_and_leaves_it_one(version: Version, tmp_path: Path, linked: bool) -> None:
    device, link = tmp_path / "null", tmp_path / "link"
    os.mknod(device, stat.S_IFCHR | 0o666, NULL)
    link.symlink_to(device)
    export(version, to="csv", output=link if linked else device)
    assert stat.S_ISCHR(device.lstat().st_mode)
    assert device.stat().st_rdev == NULL
    assert link.is_symlink()


@needs_device
def test_a_full_device_is_an_error_that_names_it(version: Version, tmp_path: Path) -> None:
    os.mknod(tmp_path / "full", stat.S_IFCHR | 0o666, FULL)
    with pytest.raises(WorldError, match=r"full: cannot be written: No space left on device"):
        export(version, to="csv", output=tmp_path / "full")


def test_a_reader_that_leaves_is_an_error_that_names_the_pipe(version: Version, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: (tmp_path / "pipe").open("rb").close(), daemon=True)
    reader.start()

    def write(file: BinaryIO) -> None:
        reader.join(30)
        file.write(b"nobody reads this")

    with pytest.raises(WorldError, match=r"pipe: cannot be written: Broken pipe"):
        output_file.write(version, tmp_path / "pipe", ending="csv", fill=write)


@pytest.mark.parametrize("kind", TARGETS)
def test_an_export_follows_links_and_keeps_the_mode(version: Version, tmp_path: Path, kind: str) -> None:
    path, real = make_target(kind, tmp_path)
    if real.exists():
        real.chmod(0o600)
    export(version, to="csv", output=path)
    assert real.read_bytes().startswith(b"\xef\xbb\xbfid,")
    assert kind in {"regular", "absent"} or path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == (0o644 & ~_umask() if kind in {"absent", "dangling"} else 0o600)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_link_into_a_version_is_refused(version: Version, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(version.folder / "report.html")
    with pytest.raises(UsageError, match="published version"):
        export(version, to="csv", output=tmp_path / "link")


@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "link"])
@pytest.mark.parametrize("to", ["file", "pipe"])
def test_stdout_by_its_other_names_is_stdout(version: Version, tmp_path: Path, name: str, to: str) -> None:
    """Nothing that was written there before is lost, and nothing but the export goes there."""
    if name.startswith("/proc") and not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here")
    (tmp_path / "link").symlink_to("/dev/stdout")
    arguments = [sys.executable, "-m", "pipeline", "export", str(version.folder), "--to", "jsonl", "-o", name]
    out = tmp_path / "log"
    out.write_text("before\n")
    with out.open("ab") as file:
        done = subprocess.run(
            arguments,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=file if to == "file" else subprocess.PIPE,
            check=True,
            timeout=60,
        )
    lines = out.read_text().splitlines()[1:] if to == "file" else done.stdout.decode().splitlines()
    assert [line[:6] for line in lines] == ['{"id":'] * 3
    assert out.read_text().startswith("before\n")
    assert Path("/dev/stdout").is_symlink()


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="process substitution is bash's")
def test_an_export_goes_into_a_process_substitution(version: Version, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m pipeline export "{version.folder}" --to jsonl -o >(cat >got; echo end >>got)'
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command}; wait $!"], cwd=tmp_path, env=environment, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    *lines, end = (tmp_path / "got").read_text().splitlines()
    assert [line[:6] for line in lines] == ['{"id":'] * 3
    assert end == "end"


# Metrics


def metrics_config(folder: Path) -> Path:
    path = folder / "night.yaml"
    fields = yaml.safe_load(path.read_text(encoding="utf-8")) | {"metrics": "night.prom"}
    path.write_text(yaml.safe_dump(fields), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["link", "regular"])
def test_metrics_follow_a_link_and_keep_the_mode(version: Version, tmp_path: Path, kind: str) -> None:
    real = tmp_path / ("real.prom" if kind == "link" else "night.prom")
    real.write_text("")
    real.chmod(0o640)
    if kind == "link":
        (tmp_path / "night.prom").symlink_to("real.prom")
    done = tomdich("run", metrics_config(tmp_path), "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'tomdich_last_exit_code{name="night"} 0.0' in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (tmp_path / "night.prom").is_symlink() is (kind == "link")


def test_metrics_go_into_a_pipe(version: Version, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "night.prom")
    done = tomdich("run", metrics_config(tmp_path), "--outputs", "out", cwd=tmp_path)
    assert (done.returncode, "metrics" in done.stderr) == (0, False)
    assert b'tomdich_last_exit_code{name="night"} 0.0' in reader.all()


def test_metrics_into_a_pipe_that_nobody_reads_do_not_hold_the_run(version: Version, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "night.prom")
    done = tomdich("run", metrics_config(tmp_path), "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing reads from this pipe" in done.stderr
    assert stat.S_ISFIFO((tmp_path / "night.prom").stat().st_mode)


# The result of a training


def test_a_result_behind_a_link_is_replaced_where_the_link_leads(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "disk"
    home.mkdir()
    (home / "model").symlink_to(elsewhere / "weights")
    for content in ("first", "second"):
        site = state.build_dir(home / "model")
        (site / "model.safetensors").write_text(content)
        state.put(site, home / "model")
        assert (home / "model").is_symlink()
        assert (elsewhere / "weights" / "model.safetensors").read_text() == content
    assert [path.name for path in elsewhere.iterdir()] == ["weights"]
    left, other = state.build_dir(home / "model"), elsewhere / ".site-other-1"
    other.mkdir()
    with state.locked(home):
        assert not left.exists()  # a killed process left it
        assert other.exists()  # another training's
