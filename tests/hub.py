"""A look-alike of the Hugging Face hub on 127.0.0.1: as much of it as `huggingface_hub` asks for, and its failures.

Large files are LFS files (their digest is a SHA-256, declared apart from their content, so that a hub can lie), small
ones are git blobs. Every request is written down.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LFS_ENDINGS = (".safetensors", ".bin", ".model", ".spm")


@dataclass
class Repo:
    """One model: commits with their files, branches, and what is wrong with it."""

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    gated: bool = False
    license: str = ""
    declared: dict[str, str] = field(default_factory=dict)  # file -> a SHA-256 that is not its own


@dataclass
class Request:
    method: str
    path: str
    range: str | None


@dataclass
class Hub:
    """The hub's content, its misbehaviour, and what it was asked."""

    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    break_after: dict[str, int] = field(default_factory=dict)  # file -> bytes after which the line drops, once
    stall_after: dict[str, int] = field(default_factory=dict)  # file -> bytes after which nothing more comes
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def add(self, name: str, folder: Path, *, license: str = "mit") -> str:  # noqa: A002
        """Publish a folder as a new commit of the model's main branch; return the commit."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        files.setdefault("README.md", f"---\nlicense: {license}\n---\n# {name}\n".encode())
        files[".gitattributes"] = b"*.safetensors filter=lfs\n"
        files["tf_model.h5"] = b"what nobody asked for" * 100
        repo = self.repos.setdefault(name, Repo({}, {}, license=license))
        commit = hashlib.sha1(b"".join(files.values()), usedforsecurity=False).hexdigest()
        repo.commits[commit] = files
        repo.branches["main"] = commit
        return commit

    def fetched(self, name: str) -> int:
        """Return how often the file was downloaded."""
        return sum(request.method == "GET" and request.path.endswith(f"/{name}") for request in self.requests)


@contextmanager
def running(hub: Hub, *, serving: type[Handler] | None = None) -> Iterator[Hub]:
    """Serve the hub while the block runs; `serving`: what answers a request."""

    class Content(serving or Handler):  # type: ignore[misc]
        content = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Content)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """Answers what is asked of models."""

    content: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def do_GET(self) -> None:
        self._serve(body=True)

    def _serve(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.content.requests.append(Request(self.command, path, self.headers.get("Range")))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._api("/".join(parts[2:4]), parts[4:])
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]), body=body)
        else:
            self._refuse(404, "EntryNotFound", "no such page")

    def _find(self, name: str, revision: str) -> tuple[Repo, str] | None:
        repo = self.content.repos.get(name)
        if repo is None:
            self._refuse(404, "RepoNotFound", "Repository not found")
            return None
        commit = repo.branches.get(revision, revision)
        if commit not in repo.commits:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repo, commit

    def _api(self, name: str, rest: list[str]) -> None:
        found = self._find(name, rest[1] if len(rest) > 1 else "main")
        if found is None:
            return
        repo, commit = found
        if repo.gated:
            self._refuse(403, "GatedRepo", f"Access to model {name} is restricted")
            return
        files = repo.commits[commit]
        if rest[:1] == ["tree"]:
            self._json(
                [{"type": "file", "path": file, **_about(repo, file, content)} for file, content in files.items()]
            )
            return
        siblings = []
        for file, content in files.items():
            about = _about(repo, file, content)
            lfs = about.get("lfs")
            siblings.append(
                {"rfilename": file, "size": about["size"], "blobId": about["oid"]}
                | ({"lfs": {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": 130}} if lfs else {})
            )
        card = {"license": repo.license} if repo.license else {}
        self._json(
            {
                "id": name,
                "modelId": name,
                "sha": commit,
                "siblings": siblings,
                "cardData": card,
                "tags": [],
                "private": False,
            }
        )

    def _file(self, name: str, revision: str, file: str, *, body: bool) -> None:
        found = self._find(name, revision)
        if found is None:
            return
        repo, commit = found
        if repo.gated:
            self._refuse(403, "GatedRepo", f"Access to model {name} is restricted")
            return
        content = repo.commits[commit].get(file)
        if content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        about = _about(repo, file, content)
        digest = about["lfs"]["oid"] if "lfs" in about else about["oid"]
        start = 0
        asked = self.headers.get("Range")
        if asked:
            start = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{digest}"')
        self.send_header("X-Repo-Commit", commit)
        if "lfs" in about:
            self.send_header("X-Linked-Etag", f'"{digest}"')
            self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body:
            self._send(file, content[start:])

    def _send(self, file: str, content: bytes) -> None:
        if file in self.content.break_after:
            self.wfile.write(content[: self.content.break_after.pop(file)])
            self.wfile.flush()
            self.close_connection = True
            return
        if file in self.content.stall_after:
            self.wfile.write(content[: self.content.stall_after.pop(file)])
            self.wfile.flush()
            self.content.stalled.set()
            self.content.released.wait(60)
            self.close_connection = True
            return
        self.wfile.write(content)

    def _json(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, status: int, code: str, message: str) -> None:
        content = json.dumps({"error": message}).encode()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _about(repo: Repo, file: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    about: dict[str, Any] = {"size": len(content), "oid": blob}
    if file.endswith(LFS_ENDINGS):
        digest = repo.declared.get(file) or hashlib.sha256(content).hexdigest()
        about["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
    return about
