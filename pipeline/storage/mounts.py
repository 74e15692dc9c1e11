"""The mounted file systems, from Linux's /proc/self/mounts, and which of them are on a network."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
_NETWORK = frozenset(
    """
    9p acfs afs afpfs beegfs ceph ceph-fuse cephfs cifs coda curlftpfs davfs davfs2 drvfs fakeowner fhgfs gcsfuse
    glusterfs goofys gpfs grpcfuse hdfs juicefs lizardfs lustre mergerfs mfs mountpoint-s3 ncpfs nfs nfs4 orangefs osxfs
    panfs prl_fs pvfs2 rclone s3fs seaweedfs smb3 smbfs sshfs vboxsf virtiofs vmhgfs vmhgfs-fuse wekafs
    """.split()
)
"""Their types, less the `fuse.` before some: servers, cluster disks, object stores, the host's folders in a guest.

mergerfs is a union of disks; it is among them because its locks do not reach the files below.
"""
_ESCAPE = re.compile(rb"\\([0-7]{3})")  # of a space, a tab, a line feed, a backslash or a number sign


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table."""

    point: Path
    kind: str
    options: frozenset[str]


def mounts(table: Path = MOUNTS) -> list[Mount]:
    """Return the mounted file systems in the order of mounting, none where there is no such table (macOS)."""
    try:
        lines = table.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for fields in (line.split(b" ") for line in lines):
        if len(fields) >= 4:  # noqa: PLR2004 - device, point, type, options
            point, kind, options = (os.fsdecode(_ESCAPE.sub(_byte, field)) for field in fields[1:4])
            found.append(Mount(Path(point), kind, frozenset(options.split(","))))
    return found


def file_system(folder: Path, table: Path = MOUNTS) -> str:
    """Return the type of the file system that holds `folder`, "" where the system does not tell."""
    real = folder.resolve()
    kind, depth = "", 0
    for mount in mounts(table):
        parts = len(mount.point.parts)
        if parts >= depth and real.is_relative_to(mount.point):  # a later mount on the same point hides the one before
            kind, depth = mount.kind, parts
    return kind


def is_network(kind: str) -> bool:
    """Return whether a type of file system keeps its files on another machine, or lets several machines change them."""
    return kind.lower().removeprefix("fuse.") in _NETWORK


def _byte(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 8) & 0xFF])
