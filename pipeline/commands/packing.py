"""Pack what another machine needs to reproduce a version into one archive, and unpack it.

The archive is a .tar.gz whose bytes depend on the version only. It holds:

    pack.json          what is in it: path, size and digest of each file
    manifest.json      of the version            sources.jsonl     the files that were read, with digests
    config.yaml        relative to the archive   requirements.txt  the libraries that the version was made with
    expected.jsonl     the digest of each text that was published
    terms.csv  corrections.jsonl                 as the config names them, if it does
    sources/N/…        the files of the N-th source, with `--articles sources`
    data/*.parquet     the records, with `--articles version`

An archive comes from somebody else: only what `pack.json` lists is written, under names that this module makes, and
each file must have its size and digest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Literal
from urllib.parse import urlsplit

import msgspec

from pipeline import config as configs
from pipeline import sources as reading
from pipeline.config import Config, Source, is_folder_name
from pipeline.errors import DifferenceError, SourceError, UsageError
from pipeline.export import output_file
from pipeline.ids import file_digest, text_digest
from pipeline.records import JSON
from pipeline.secrets import expand_path
from pipeline.sources import finding
from pipeline.storage.names import existing_part
from pipeline.storage.rows import rows
from pipeline.storage.versions import MANIFEST, Version

Articles = Literal["digests", "sources", "version"]
FIELDS = ("title_translation", "summary", "translation", "article_translation")

SCHEMA = 1
_LISTING = "pack.json"
EXPECTED = "expected.jsonl"
_MOST_LISTED = 16 * 1024 * 1024  # bytes of a listing: 100,000 files take less
_GLOSSARY = {"terms": "terms.csv", "corrections": "corrections.jsonl"}


_DEPENDS = {  # scopes whose articles are not all of those in the sources
    "new": "it holds only what no version before it had published",
    "partial": "it was stopped early",
    "revised": "it was made of earlier versions",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """The digests of what was published of one article: of its own text, and of FIELDS."""

    id: str
    text_sha256: str
    title_translation: str
    summary: str
    translation: str
    article_translation: str = text_digest("")  # older archives have none


@dataclass(frozen=True, slots=True)
class _Texts:
    """What is compared of a row: a projection."""

    id: str
    text_sha256: str
    title_translation: str = ""
    summary: str = ""
    translation: str = ""
    article_translation: str = ""


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of an archive."""

    name: str
    content: bytes | Path


def expected(version: Version) -> Iterator[Expected]:
    """Yield the digests of the texts of a version, or of an unpacked archive, in the order of the records."""
    listed = version.path(EXPECTED)
    if not listed.is_file():
        for row in rows(version, _Texts):
            texts = (text_digest(getattr(row, field)) for field in FIELDS)
            yield Expected(row.id, row.text_sha256, *texts)
        return
    decoder = msgspec.json.Decoder(Expected)
    with listed.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                one = decoder.decode(line)
            except msgspec.DecodeError as error:
                raise DifferenceError(f"{listed.name}:{number}: {error}; ask for the pack again") from None
            yield one


def needs_records(version: Version, config: Config) -> str:
    """Return why a version with this config cannot be reproduced from its sources; "" where it can."""
    scope = version.manifest["scope"]
    if scope in _DEPENDS:
        return f"{_DEPENDS[scope]} (scope `{scope}`)"
    return "one of them was stdin" if any(source.path == "-" for source in config.sources) else ""


# Packing


def pack(version: Version, *, articles: Articles, output: Path | None) -> Path:
    """Write the archive of `version` and return its path; `-` is stdout, None a file in the current folder.

    `articles`: only the digests of the sources, or the source files, or the records of the version. Raises `UsageError`
    for a source that cannot be packed, and `DifferenceError` where a file is not what the version was made of.
    """
    members = _members(version, articles)
    return output_file.write(
        version, output, ending="tar.gz", fill=lambda file: _write(file, members, version=version, articles=articles)
    )


def _members(version: Version, articles: Articles) -> list[_Member]:
    """Return the files of the archive but its listing, by name."""
    config = configs.load(version.path("config.yaml"))
    if articles != "version" and (why := needs_records(version, config)):
        raise UsageError(
            f"{version.name}: cannot be reproduced from its sources, because {why}; pack its "
            "records: --articles version"
        )
    config, files = _packed(version, config, articles)
    lines = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in expected(version)]
    members = [
        *files,
        _Member("config.yaml", configs.dump(config).encode()),
        _Member(EXPECTED, "".join(lines).encode()),
        _Member(MANIFEST, version.folder / MANIFEST),
        _Member("requirements.txt", _requirements(version.manifest["environment"]).encode()),
        _Member("sources.jsonl", version.path("sources.jsonl")),
    ]
    if articles == "version":
        members += [_Member(f"data/{path.name}", path) for path in version.data()]
    return sorted(members, key=lambda member: member.name)


def _packed(version: Version, config: Config, articles: Articles) -> tuple[Config, list[_Member]]:
    """Return the config with the paths that its files have in the archive, and these files."""
    digests = {file["path"]: file["digest"] for file in map(json.loads, _lines(version.path("sources.jsonl")))}
    sources: list[Source] = []
    files: list[_Member] = []
    for number, source in enumerate(config.sources):
        where = f"sources/{number}"
        if articles == "sources":
            files += _source_files(source, where, digests)
        sources.append(source if source.path is None else source.model_copy(update={"path": _inside(source, where)}))
    translate = config.translate
    for field, name in _GLOSSARY.items():
        if (path := getattr(translate, field)) is not None:
            _require(Path(path), version.manifest["identity"]["house"][field])
            files.append(_Member(name, Path(path)))
            translate = translate.model_copy(update={field: name})
    packed = config.model_copy(update={"sources": tuple(sources), "translate": translate, "memo": None})
    return packed, files


def _inside(source: Source, where: str) -> str:
    """Return the path of a source in the archive: the end of its path; a URL and `-` stay."""
    path = source.path or ""
    if path == "-" or "://" in path:
        return path
    return f"./{where}/{_base_and_rest(expand_path(path))[1]}"


def _base_and_rest(path: str) -> tuple[str, str]:
    """Return what a source names, a file, folder or pattern with the name of its folder, after the rest of its path.

    The name of the folder is kept, so that `--sources` finds the file or pattern below the folder that holds it.
    """
    there, rest = existing_part(path)
    if not rest:
        there, rest = str(Path(there).parent), Path(there).name
    folder = Path(there)
    return str(folder.parent), str(PurePosixPath(folder.name, rest))


def _source_files(source: Source, where: str, digests: dict[str, str]) -> Iterator[_Member]:
    """Yield the local files of a source; raises where it has none, or where one is not what was read."""
    path = source.path
    if path is None or "://" in path:
        place = path or source.dataset
        raise UsageError(f"--articles sources: {place} is no local file; `--articles version` packs the records")
    base = _base_and_rest(expand_path(path))[0]
    for found in finding.find(path, given=source.format):
        if found.name not in digests:
            raise DifferenceError(f"{found.name}: was not among the files of the version; move it away and pack again")
        _require(Path(found.path), digests[found.name])
        yield _Member(f"{where}/{Path(found.path).relative_to(base).as_posix()}", Path(found.path))


def _require(path: Path, digest: str) -> None:
    """Raise `DifferenceError` unless the file at `path` has this digest."""
    try:
        found = file_digest(path)
    except OSError as error:
        raise DifferenceError(f"{path}: cannot be read: {error.strerror}; put it back and pack again") from None
    if found != digest:
        raise DifferenceError(f"{path}: was changed since the version was made; put the old file back and pack again")


def _requirements(environment: dict[str, Any]) -> str:
    """Return the libraries that can change an answer, as pip takes them."""
    lines = [f"# Python {environment['python']}, on {environment['platform']}", f"tomdich=={environment['tomdich']}"]
    return "\n".join([*lines, *(f"{name}=={version}" for name, version in environment["libraries"].items()), ""])


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def _write(file: BinaryIO, members: Sequence[_Member], *, version: Version, articles: Articles) -> None:
    listing: dict[str, JSON] = {
        "schema": SCHEMA,
        "name": version.manifest["name"],
        "version": version.manifest["version"],
        "articles": articles,
        "files": [{"path": member.name, **_size_and_digest(member.content)} for member in members],
    }
    listed = (json.dumps(listing, ensure_ascii=False, indent=2) + "\n").encode()
    # no time, owner or name of a file in it: equal versions give equal bytes
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member in (_Member(_LISTING, listed), *members):
            entry = tarfile.TarInfo(member.name)
            if isinstance(member.content, bytes):
                entry.size = len(member.content)
                archive.addfile(entry, io.BytesIO(member.content))
            else:
                entry.size = member.content.stat().st_size
                with member.content.open("rb") as content:
                    archive.addfile(entry, content)


def _size_and_digest(content: bytes | Path) -> dict[str, JSON]:
    if isinstance(content, bytes):
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {"bytes": content.stat().st_size, "sha256": file_digest(content)}


# Unpacking


def unpack(path: Path, folder: Path) -> Version:
    """Return the version in the archive at `path`, unpacked into the new `folder`; it has no rows unless it holds them.

    Raises `UsageError` for a file that is no such archive, `DifferenceError` for one whose files are not as listed.
    """
    folder.mkdir()
    try:
        with tarfile.open(path, "r|gz") as archive:
            left = _listed(path, archive)
            while (entry := archive.next()) is not None:
                file = left.pop(entry.name, None)
                content = archive.extractfile(entry) if entry.isreg() else None
                if file is None or content is None or entry.size != file["bytes"]:
                    raise DifferenceError(f"{path}: {entry.name}: is not as {_LISTING} lists it; ask for it again")
                _extract(content, folder / entry.name)
                if file_digest(folder / entry.name) != file["sha256"]:
                    raise DifferenceError(f"{path}: {entry.name}: is damaged; ask for the pack again")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, ValueError) as error:
        raise UsageError(f"{path}: is no pack that `tomdich pack` wrote: {error}") from None
    if left:
        raise DifferenceError(f"{path}: lacks {', '.join(left)}; ask for the pack again")
    return Version(folder, json.loads((folder / MANIFEST).read_bytes()))


def _listed(path: Path, archive: tarfile.TarFile) -> dict[str, dict[str, JSON]]:
    """Return the files that the archive lists, by path; raises `UsageError` for a path that leads out of a folder."""
    first = archive.next()
    content = archive.extractfile(first) if first is not None and first.name == _LISTING and first.isreg() else None
    if content is None:
        raise UsageError(f"{path}: is no pack that `tomdich pack` wrote: it does not begin with {_LISTING}")
    try:
        listing = json.loads(content.read(_MOST_LISTED))
        schema = listing["schema"]
        files = {str(file["path"]): file for file in listing["files"]}
        names = [PurePosixPath(name) for name in files]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: {_LISTING}: cannot be read: {error!r}") from None
    if schema > SCHEMA:
        raise UsageError(f"{path}: was written by a newer tomdich (schema {schema}, this one reads {SCHEMA})")
    unsafe = [str(name) for name in names if name.is_absolute() or not name.parts or ".." in name.parts]
    if unsafe:
        raise UsageError(f"{path}: {_LISTING}: leads out of the folder it is unpacked into: {unsafe[0]}")
    return files


def _extract(content: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        shutil.copyfileobj(content, out)


# Finding the sources again


def placed(source: Source, *, folder: Path | None, remedy: str) -> Source:
    """Return a source of a stored config with its path where the files are now.

    In `folder` it is the longest ending of the path that is there; without a folder, the path itself. Raises
    `UsageError`, with the `remedy`, where there is nothing.
    """
    place = source.path or (source.dataset if is_folder_name(source.dataset or "") else None)
    field = "path" if source.path is not None else "dataset"
    if place is None:
        return source
    if folder is None:
        if "://" not in place:
            _require_there(source, f"name the folder that holds it now with --sources DIR, or {remedy}")
        return source
    if not folder.is_dir():
        raise UsageError(f"--sources {folder}: no such folder")
    path = expand_path(place) if source.path is not None else place
    remote = "://" in path
    parts = PurePosixPath(urlsplit(path).path if remote else path).parts
    for start in range(1 if parts[:1] == ("/",) else 0, len(parts)):
        candidate = source.model_copy(update={field: str(folder.absolute().joinpath(*parts[start:]))})
        if _is_there(candidate):
            return candidate
    whole = source.model_copy(update={field: str(folder.absolute())})  # the folder of the source, under another name
    if not remote and parts and not PurePosixPath(parts[-1]).suffix and "*" not in parts[-1] and _is_there(whole):
        return whole
    if remote:
        return source
    raise UsageError(f"--sources {folder}: holds nothing that ends like {place}; name the folder above it, or {remedy}")


def require_sources(folder: Path, config: Config) -> None:
    """Raise `UsageError` where the archive unpacked in `folder` has no files of its local sources."""
    if any(source.path and "://" not in source.path for source in config.sources) and not (folder / "sources").is_dir():
        raise UsageError(
            "the pack holds only the digests of its sources; name the folder that holds their files with --sources DIR"
        )


def _is_there(source: Source) -> bool:
    if source.path is None:
        return Path(source.dataset or "").is_dir()
    try:
        return bool(reading.find(source.model_copy(update={"optional": False})))
    except SourceError:
        return False


def _require_there(source: Source, remedy: str) -> None:
    if source.optional or source.path is None:
        return
    try:
        reading.find(source)
    except SourceError as error:
        raise UsageError(f"{error}; {remedy}") from None
