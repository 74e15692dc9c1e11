"""The part of the look-alike hub that takes uploads: dataset repositories with commits, tags and large files."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub import Handler, Hub

TOKEN, READ_ONLY = "hf_write", "hf_read"


@dataclass
class Dataset:
    """A dataset repository: commits with their files, oldest first, and tags."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def main(self) -> str:
        """The newest commit."""
        return list(self.commits)[-1]


@dataclass
class DatasetHub(Hub):
    """A hub with datasets, and what it refuses."""

    datasets: dict[str, Dataset] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # large files by SHA-256, of a commit or not
    fail: str = ""  # a request whose path holds this is refused, by an error that the client does not try again after


def _commit(files: dict[str, bytes], number: int) -> str:
    content = b"".join(name.encode() + files[name] for name in sorted(files))
    return hashlib.sha1(b"%d" % number + content, usedforsecurity=False).hexdigest()


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Datasets(Handler):
    """Answers what `huggingface_hub` asks for to upload a folder to a dataset."""

    content: DatasetHub

    def do_GET(self) -> None:  # noqa: N802
        self._answer(b"")

    def do_POST(self) -> None:  # noqa: N802
        self._answer(self._body())

    def do_PUT(self) -> None:  # noqa: N802
        self._answer(self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, body: bytes) -> None:
        hub, path = self.content, unquote(urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        if hub.fail and hub.fail in path:
            self._refuse(400, "", "something broke")
            return
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if parts[0] == "objects":  # the address of an upload is signed
            hub.objects[parts[1]] = body
            self._json({})
        elif token not in {TOKEN, READ_ONLY}:
            self._refuse(401, "", "Invalid username or password.")
        elif self.command == "POST" and token == READ_ONLY and parts[:2] != ["api", "validate-yaml"]:
            self._refuse(403, "", "your token has no write access")
        elif parts == ["api", "whoami-v2"]:
            self._json({"name": "someone", "type": "user", "orgs": []})
        elif parts == ["api", "validate-yaml"]:
            self._json({"errors": [], "warnings": []})
        elif parts == ["api", "repos", "create"]:
            self._create(json.loads(body))
        elif parts[:2] == ["api", "datasets"]:
            self._dataset("/".join(parts[2:4]), parts[4:], body)
        elif parts[0] == "datasets" and parts[-1] == "batch":
            self._batch(json.loads(body))
        else:
            self._refuse(404, "EntryNotFound", f"no such page: {path}")

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
        private = asked.get("private", asked.get("visibility") == "private")
        dataset = self.content.datasets[name] = Dataset(bool(private))
        dataset.commits[_commit({}, 0)] = {".gitattributes": b"*.parquet filter=lfs\n"}
        self._json({"url": f"{self.content.url}/datasets/{name}", "name": name, "id": "1"})

    def _dataset(self, name: str, rest: list[str], body: bytes) -> None:
        dataset = self.content.datasets.get(name)
        if dataset is None:
            self._refuse(404, "RepoNotFound", "Repository not found")
            return
        revision = rest[1] if len(rest) > 1 else "main"
        commit = dataset.tags.get(revision, dataset.main if revision == "main" else revision)
        files = dataset.commits.get(commit, {})
        match rest[0] if rest else "":
            case "" | "revision":
                listed = [{"rfilename": file} for file in files]
                self._json({"id": name, "sha": commit, "private": dataset.private, "siblings": listed, "tags": []})
            case "refs":
                tags = [
                    {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": at} for tag, at in dataset.tags.items()
                ]
                branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": dataset.main}]
                self._json({"branches": branches, "tags": tags, "converts": []})
            case "tree" | "paths-info":
                wanted = parse_qs(body.decode())["paths"] if rest[0] == "paths-info" else list(files)
                about = [
                    {"type": "file", "path": one, "size": len(files[one]), "oid": _blob(files[one])} for one in wanted
                ]
                self._json(about)
            case "preupload":
                asked = [one["path"] for one in json.loads(body)["files"]]
                modes = {one: "lfs" if one.endswith(".parquet") else "regular" for one in asked}
                self._json({"files": [
                    {"path": one, "uploadMode": mode, "shouldIgnore": False}
                    | ({"oid": (_blob if mode == "regular" else _sha256)(files[one])} if one in files else {})
                    for one, mode in modes.items()
                ]})  # fmt: skip
            case "commit":
                self._commit(name, dataset, [json.loads(line) for line in body.splitlines()])
            case "tag":
                tag = json.loads(body)["tag"]
                if tag in dataset.tags:
                    self._refuse(409, "", "the tag exists")
                    return
                dataset.tags[tag] = commit
                self._json({})
            case _:
                self._refuse(404, "EntryNotFound", f"no such page: {rest}")

    def _commit(self, name: str, dataset: Dataset, lines: list[dict[str, Any]]) -> None:
        files = dict(dataset.commits[dataset.main])
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.content.objects[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        commit = _commit(files, len(dataset.commits))
        dataset.commits[commit] = files
        page = f"{self.content.url}/datasets/{name}/commit/{commit}"
        self._json({"success": True, "commitOid": commit, "commitUrl": page})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for one in asked["objects"]:
            upload = {"upload": {"href": f"{self.content.url}/objects/{one['oid']}"}}
            objects.append(one | ({} if one["oid"] in self.content.objects else {"actions": upload}))
        self._json({"transfer": "basic", "objects": objects})
