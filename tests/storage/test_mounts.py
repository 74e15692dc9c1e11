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
from pipeline.storage.mounts import file_system, is_network, mounts
from tests.conftest import article, write_feed

LOCAL = (
    "ext4 xfs btrfs zfs tmpfs overlay apfs f2fs vfat exfat ntfs3 fuseblk fuse.ntfs-3g fuse.encfs fuse.fuse-overlayfs"
)
NETWORK = (
    "nfs nfs4 cifs smb3 9p afs ceph lustre glusterfs fuse.glusterfs fuse.sshfs virtiofs fuse.ceph fuse.ceph-fuse "
    "fuse.s3fs s3fs fuse.rclone fuse.mergerfs mergerfs beegfs gpfs vboxsf drvfs fuse.gcsfuse fuse.vmhgfs-fuse "
    "fuse.juicefs fuse.JuiceFS fuse.grpcfuse prl_fs davfs"
)


needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0
    or shutil.which("unshare") is None
    or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="mounting a file system takes root and a mount namespace of one's own",
)


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
def test_a_mount_point_is_read_whatever_is_in_its_name(tmp_path: Path, written: bytes, folder: bytes) -> None:
    table = tmp_path / "mountinfo"
    lines = (
        b"27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        b"broken",
        b"28 27 0:41 / %b rw - nfs4 nas:/x rw,vers=4.2" % written,
    )
    table.write_bytes(b"\n".join(lines))
    there = [(mount.number, mount.point, mount.kind) for mount in mounts(table)]
    assert there == [(27, Path("/"), "ext4"), (28, Path(os.fsdecode(folder)), "nfs4")]
    assert "vers=4.2" in mounts(table)[1].options
    assert mounts(table.with_name("absent")) == []


def test_the_system_tells_the_file_system_of_a_folder(tmp_path: Path) -> None:
    assert file_system(Path("/proc")) == "proc" if sys.platform == "linux" else file_system(tmp_path) == ""
    assert file_system(tmp_path / "absent") == ""


def test_a_memo_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.storage.memo.file_system", lambda _folder: "virtiofs")
    with pytest.raises(MemoError, match=r"network file system \(virtiofs\).*set `memo:`"):
        open_memo(tmp_path)


@needs_mounts
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


@needs_mounts
def test_a_system_that_does_not_tell_its_mounts_tells_no_file_system() -> None:
    told = (
        "from pathlib import Path; from pipeline.storage.mounts import file_system; print(repr(file_system(Path('/'))))"
    )
    script = 'mount -t tmpfs none /proc && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", sys.executable, "-c", told],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "''\n", done.stderr


@needs_mounts
def test_the_file_system_under_bind_mounts_and_hidden_ones(tmp_path: Path) -> None:
    """ramfs stands for the server's, tmpfs for the local disk's."""
    script = """
    mkdir server local view bound && mount -t tmpfs none local && mkdir local/deep local/sub
    mount -t ramfs none server && mkdir server/out && mount --bind server/out view
    mount -t ramfs none local/sub && mount --bind local bound   # without what is mounted below it
    mkdir -p top/deep && mount -t ramfs none top/deep && mount --bind local top   # hides top/deep
    ln -s view link && exec "$@"
    """
    folders = ["server", "view", "link", "local/sub", "bound/sub", "top/deep"]
    told = "from pipeline.storage.mounts import *; print(*map(file_system, map(Path, sys.argv[1:])))"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", sys.executable, "-c", f"import sys; {told}", *folders],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["ramfs", "ramfs", "ramfs", "ramfs", "tmpfs", "tmpfs"], done.stderr
