"""Find and remove copies of published rows in the cache of Hugging Face `datasets`.

`datasets.load_dataset(folder)` converts a version's rows to Arrow files in a cache of the user. The key of an entry is
the folder's name, the name of the config in the folder's card, and a digest of the card's configs; the data files are
not part of it. So the card of every version names a config that no other rows have, see `config_name`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from pipeline.errors import WorldError
from pipeline.ids import digest, file_digest

_INCOMPLETE = ".incomplete"  # ends the folder of an entry that is being written, or whose process was killed
_KEY = ("id", "text_sha256")  # the columns that identify an article


def config_name(version: str, data: Path) -> str:
    """Return the config name for the card of `version`: its name, and 12 hexadecimal digits of its rows' digest.

    The version's name alone does not suffice: another experiment may publish in the same second with the same recipe,
    and `forget` rewrites the rows under the same name.
    """
    return f"{version}-{digest([(path.name, file_digest(path)) for path in sorted(data.iterdir())])[:12]}"


def location() -> Path:
    """Return the folder of the cache, by the environment variables that `datasets` reads."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{user_cache}/huggingface"
    given = os.environ.get("HF_DATASETS_CACHE") or f"{home}/datasets"
    return Path(os.path.expanduser(given))  # noqa: PTH111 - as `datasets` does, keeps "~" where there is no home folder


def is_readable(cache: Path) -> bool:
    """Return whether there is a cache that this account can read."""
    return os.access(cache, os.R_OK | os.X_OK)


def entries(cache: Path, *, versions: Collection[str], holds: Callable[[str, str], bool]) -> list[Path]:
    """Return the entries of `cache` of these versions, and those with a row whose id and text digest `holds`.

    The rows find what was loaded by other means than a card's config. An unfinished entry with such columns is among
    them. An entry is a folder `<dataset>/<config>/<version>/<digest>`, with what `map` and `filter` keep beside it.
    """
    found = []
    for folder in sorted(cache.glob("*/*/*/*")) if is_readable(cache) else ():
        config = folder.parts[-3]
        files = sorted(folder.glob("*.arrow")) if folder.is_dir() else []
        if (files and any(config.startswith(f"{version}-") for version in versions)) or any(
            _holds(path, holds, unfinished=folder.name.endswith(_INCOMPLETE)) for path in files
        ):
            found.append(folder)
    return found


def remove(entry: Path) -> None:
    """Remove an entry; raises `WorldError` naming it where it cannot be removed."""
    try:
        shutil.rmtree(entry)
    except OSError as error:
        raise WorldError(
            f"{entry}: holds a copy of the rows, made by `datasets`, and cannot be removed: {error.strerror}; "
            "remove it as the user whose cache it is"
        ) from None


def _holds(path: Path, holds: Callable[[str, str], bool], *, unfinished: bool) -> bool:
    """Return whether an Arrow file has such a row, or the columns of one where the file is `unfinished`."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
            if not set(_KEY) <= set(stream.schema.names):
                return False
            return unfinished or any(
                holds(str(one), str(sha))
                for batch in stream
                for one, sha in zip(*(batch.column(name).to_pylist() for name in _KEY), strict=True)
            )
    except (OSError, pa.ArrowInvalid):  # another user's, or damaged: `datasets` cannot read it either
        return False
