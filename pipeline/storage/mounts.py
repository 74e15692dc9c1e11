"""The mounted file systems, from Linux's /proc/self/mountinfo, and which of them are on a network."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
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
_NUMBER = re.compile(rb"^mnt_id:\s*(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table; `number` is the kernel's, `options` are those of the file system, not of the mount."""

    number: int
    point: Path
    kind: str
    options: frozenset[str]


def mounts(table: Path = MOUNTS) -> list[Mount]:
    """Return the mounted file systems, none where there is no such table (macOS)."""
    try:
        lines = table.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        mount, _, system = line.partition(b" - ")  # the number of fields before the hyphen varies
        fields, about = mount.split(b" "), system.split(b" ")
        if len(fields) >= 5 and fields[0].isdigit() and len(about) >= 3:  # noqa: PLR2004 - see proc_pid_mountinfo(5)
            point, kind, options = map(_decoded, (fields[4], about[0], about[2]))
            found.append(Mount(int(fields[0]), Path(point), kind, frozenset(options.split(","))))
    return found


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds `folder`, "" where the system does not tell.

    The kernel says in which mount an open folder is. The paths of the table do not: a mount hides those that were
    mounted below its point before, and a bind mount leaves out what is mounted below its source.
    """
    number = _mount_number(folder)
    return next((mount.kind for mount in mounts() if mount.number == number), "")


def is_network(kind: str) -> bool:
    """Return whether a type of file system keeps its files on another machine, or lets several machines change them."""
    return kind.lower().removeprefix("fuse.") in _NETWORK


def _mount_number(folder: Path) -> int | None:
    """Return the kernel's number of the mount that `folder` is in, None if the system does not say."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        found = _NUMBER.search(Path(f"/proc/self/fdinfo/{descriptor}").read_bytes())
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None if found is None else int(found[1])


def _decoded(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(_byte, field))


def _byte(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 8) & 0xFF])
