"""A local S3 on 127.0.0.1, by moto: its requests are written down, and can be refused or end the process that made them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "news"
CHANGES = frozenset({"PUT", "POST", "DELETE"})
_ACCOUNT = "123456789012"  # moto's
FORBIDDEN = ("403 Forbidden", "AccessDenied")  # status and code
WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class S3:
    """The server, and what it is to do."""

    url: str = ""
    changes: list[str] = field(default_factory=list)  # method and key of each request that changes something
    kill_at: int | None = None  # the number of the change at which the client is killed, before it is done
    client: int = 0  # its process
    refuse: str = ""  # a change of a key that holds this is refused, with this answer
    refusal: tuple[str, str] = FORBIDDEN
    before: Callable[[str], None] | None = None  # called with each change before it is done

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Return the objects of the bucket."""
        held = s3_backends[_ACCOUNT]["aws"].buckets[BUCKET].keys
        return {key: held[key].value for key in list(held) if key.startswith(prefix)}

    def put(self, key: str, content: bytes) -> None:
        """Write an object, as another program would."""
        self._boto().put_object(Bucket=BUCKET, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object, as another program would."""
        self._boto().delete_object(Bucket=BUCKET, Key=key)

    def begin_multipart(self, key: str) -> None:
        """Begin an upload in parts that nobody completes."""
        self._boto().create_multipart_upload(Bucket=BUCKET, Key=key)

    def multiparts(self) -> list[str]:
        """Return the keys of the uploads in parts that were not completed."""
        return [one["Key"] for one in self._boto().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def empty(self) -> None:
        """Make the bucket anew, and forget what was asked."""
        s3_backends[_ACCOUNT]["aws"].reset()
        self._boto().create_bucket(Bucket=BUCKET)
        self.changes.clear()
        self.kill_at, self.client, self.refuse, self.refusal, self.before = None, 0, "", FORBIDDEN, None

    def _boto(self) -> Any:
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1",
                            aws_access_key_id="key", aws_secret_access_key="secret")  # fmt: skip


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def running() -> Iterator[S3]:
    """Serve an empty bucket while the block runs."""
    s3 = S3()
    moto: WSGI = DomainDispatcherApplication(create_backend_app)

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, key = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(f"/{BUCKET}/")
        if method in CHANGES and s3.client:
            s3.changes.append(f"{method} {key}")
            if s3.before is not None:
                s3.before(f"{method} {key}")
            if s3.kill_at is not None and len(s3.changes) > s3.kill_at:
                os.kill(s3.client, signal.SIGKILL)
                start("503 Slow Down", [("Content-Type", "text/plain")])
                return [b""]
            if s3.refuse and s3.refuse in key:
                start(s3.refusal[0], [("Content-Type", "application/xml")])
                return [f"<Error><Code>{s3.refusal[1]}</Code><Message>No: {s3.refusal[1]}</Message></Error>".encode()]
        return moto(environ, start)

    server = make_server("127.0.0.1", 0, serve, threaded=True, request_handler=_Quiet)
    s3.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        s3.empty()
        yield s3
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
