"""The table of mounts: any bytes in a name, network file systems by every type they go by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import MemoError
from pipeline.storage.memo import open_memo
from pipeline.storage.mounts import file_system, is_network
from tests.conftest import article, write_feed

LOCAL = (
    "ext4 xfs btrfs zfs tmpfs overlay apfs f2fs vfat exfat ntfs3 fuseblk fuse.ntfs-3g fuse.encfs fuse.fuse-overlayfs"
)
NETWORK = (
    "nfs nfs4 cifs smb3 9p afs ceph lustre glusterfs fuse.glusterfs fuse.sshfs virtiofs fuse.ceph fuse.ceph-fuse "
    "fuse.s3fs s3fs fuse.rclone fuse.mergerfs mergerfs beegfs gpfs vboxsf drvfs fuse.gcsfuse fuse.vmhgfs-fuse "
    "fuse.juicefs fuse.JuiceFS fuse.grpcfuse prl_fs davfs"
)


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a table with the root and the mounts that are given as (point, type)."""

    def write(*mounts: tuple[bytes, str]) -> Path:
        lines = [b"/dev/sda1 / ext4 rw,relatime 0 0\n", b"broken\n"]
        lines += [b"none " + point + b" " + kind.encode() + b" rw 0 0\n" for point, kind in mounts]
        path = tmp_path / "mounts"
        path.write_bytes(b"".join(lines))
        return path

    return write


@pytest.mark.parametrize("kind", NETWORK.split())
def test_a_network_file_system_is_known_by_its_type(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", LOCAL.split())
def test_a_local_file_system_is_none(kind: str) -> None:
    assert not is_network(kind)


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        (rb"/a\040b", b"/a b"),
        (rb"/tab\011x", b"/tab\tx"),
        (rb"/line\012x", b"/line\nx"),
        (rb"/back\134slash", rb"/back\slash"),
        (rb"/hash\043x", b"/hash#x"),
        (rb"/not\134040", rb"/not\040"),  # a backslash, then the figures
        (b"/\xe9t\xe9", b"/\xe9t\xe9"),  # Latin-1
        ("/báo".encode(), "/báo".encode()),
    ],
)
def test_a_mount_point_is_read_whatever_is_in_its_name(
    table: Callable[..., Path], written: bytes, folder: bytes
) -> None:
    mounts = table((written, "nfs4"))
    assert file_system(Path(os.fsdecode(folder)) / "outputs", mounts) == "nfs4"
    assert file_system(Path("/elsewhere"), mounts) == "ext4"


def test_the_deepest_and_the_last_mount_counts(table: Callable[..., Path]) -> None:
    mounts = table((b"/srv/news", "nfs4"), (b"/srv", "xfs"), (b"/data", "xfs"), (b"/data", "virtiofs"))
    assert file_system(Path("/srv/news/out"), mounts) == "nfs4"
    assert file_system(Path("/srv/newspaper"), mounts) == "xfs"
    assert file_system(Path("/data"), mounts) == "virtiofs"
    assert file_system(Path("/data"), mounts.with_name("absent")) == ""


def test_the_system_tells_the_file_system_of_a_folder(tmp_path: Path) -> None:
    assert file_system(Path("/proc")) == "proc" if sys.platform == "linux" else file_system(tmp_path) == ""


def test_a_memo_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.storage.memo.file_system", lambda _folder: "virtiofs")
    with pytest.raises(MemoError, match=r"network file system \(virtiofs\).*set `memo:`"):
        open_memo(tmp_path, warn=print)


@pytest.mark.skipif(
    os.geteuid() != 0
    or shutil.which("unshare") is None
    or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="mounting a file system takes root and a mount namespace of one's own",
)
def test_a_run_beside_a_mount_whose_name_is_not_utf_8(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(0)])
    point = os.fsencode(tmp_path) + b"/\xe9t\xe9 #"
    Path(os.fsdecode(point)).mkdir()
    script = 'mount -t tmpfs none "$1" && shift && exec "$@"'
    run = [sys.executable, "-m", "pipeline", "run", str(make_config()), "--outputs", "out"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", point, *run],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
