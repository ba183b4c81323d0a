"""A local S3 server for the tests: moto's, on a loopback port, in a thread of the test's own process.

It answers only requests signed with the key of `environment`, can stop and start again with what it holds, and can act when so
many requests have come.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import settings
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from warehouse.home import Home

BUCKET = "townlake"
ALLOWED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class Server:
    """A running server. `environment` is what a program needs to use it; `at`: what to do when the nth request comes."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._port = 0
        self._server: BaseWSGIServer | None = None
        self.requests = 0
        self.at: dict[int, Callable[[], None]] = {}
        self.environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        self.start()
        # moto keeps what it holds for the whole process: what a server before this one held is gone
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()
        self.boto("s3").create_bucket(Bucket=BUCKET)
        self.boto("iam").create_user(UserName="townlake")
        self.boto("iam").put_user_policy(UserName="townlake", PolicyName="s3", PolicyDocument=json.dumps(ALLOWED))
        key = self.boto("iam").create_access_key(UserName="townlake")["AccessKey"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_ENDPOINT_URL": self.url,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.requests += 1
        if act := self.at.pop(self.requests, None):
            act()
        return self._app(environ, start_response)

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self._port, self._answer, threaded=True)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more; what it holds stays for the next start."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def boto(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def home(self, root: Path, patch: pytest.MonkeyPatch) -> Home:
        """A home at `root`, set in the environment, with raw, archive and lake in a folder of the server named as its parent."""
        for name, value in self.environment.items():
            patch.setenv(name, value)
        patch.setenv("TOWNLAKE_HOME", str(root))
        patch.setenv("TOWNLAKE_STORE", f"s3://{BUCKET}/{root.parent.name}")
        patch.delenv("TOWNLAKE_CATALOG", raising=False)
        return Home.from_environment()

    def stop_soon(self) -> None:
        """`stop` for one of the server's own threads."""
        threading.Thread(target=self.stop).start()

    def away(self, seconds: float) -> None:
        """Stops, and comes back after so many seconds."""
        self.stop_soon()
        threading.Timer(seconds, self.start).start()

    def objects(self, folder: str = "") -> dict[str, int]:
        """Key → bytes of every object below a folder of the bucket, but for the empty ones that stand for folders."""
        pages = self.boto("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=folder)
        return {o["Key"]: o["Size"] for page in pages for o in page.get("Contents", ()) if not o["Key"].endswith("/")}


@contextmanager
def running() -> Iterator[Server]:
    """A server for the time of the block."""
    settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    server = Server()
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    try:
        yield server
    finally:
        server.stop()
