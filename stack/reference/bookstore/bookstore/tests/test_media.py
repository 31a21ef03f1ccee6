"""Media: from disk, and from a small S3-compatible store in the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import skipUnless

from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, override_settings

from bookstore.testing import settings_with

_INSTALLED = find_spec("storages") is not None


class DiskTests(SimpleTestCase):
    """`/media/` served by Django from disk."""

    def setUp(self) -> None:
        folder = Path(self.enterContext(TemporaryDirectory()))
        (folder / "secret").write_text("secret")
        (folder / "media" / "covers").mkdir(parents=True)
        (folder / "media" / "covers" / "1.svg").write_text("<svg/>")
        self.enterContext(override_settings(MEDIA_ROOT=folder / "media"))

    def test_a_cover_is_served_from_disk(self) -> None:
        response = self.client.get("/media/covers/1.svg")
        self.assertEqual(b"".join(response.streaming_content), b"<svg/>")
        self.assertEqual(response["Content-Type"], "image/svg+xml")
        self.assertEqual(response["Cache-Control"], "public, max-age=3600")
        self.assertFalse(response.cookies)
        since = {"If-Modified-Since": response["Last-Modified"]}
        self.assertEqual(self.client.get("/media/covers/1.svg", headers=since).status_code, 304)

    def test_other_paths_are_not_found(self) -> None:
        for path in ("covers/2.svg", "covers/"):
            self.assertEqual(self.client.get(f"/media/{path}").status_code, 404, path)
        for path in ("../secret", "%2e%2e/secret"):
            with self.assertLogs("django.security", "ERROR"):
                self.assertEqual(self.client.get(f"/media/{path}").status_code, 400, path)

    def test_without_a_store_nothing_is_published(self) -> None:
        with self.assertRaisesMessage(CommandError, "set KP_OBJECTS_URL"):
            call_command("publish_media")


@contextmanager
def small_store() -> Iterator[tuple[str, dict[str, tuple[str, bytes]]]]:
    """A store of signed uploads; yields its URL and its objects by path."""
    kept: dict[str, tuple[str, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self, status: int, body: bytes = b"", kind: str = "text/xml") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "AWS4-HMAC-SHA256" not in self.headers.get("Authorization", ""):
                return self.respond(403)
            kept[self.path] = (self.headers.get("Content-Type", ""), body)
            return self.respond(200)

        def do_GET(self) -> None:
            if self.path not in kept:
                return self.respond(404)
            kind, body = kept[self.path]
            return self.respond(200, body, kind)

        do_HEAD = do_GET

        def log_message(self, *args) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kept
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()


@skipUnless(_INSTALLED, "requirements-objects.txt is not installed")
class StoreTests(SimpleTestCase):
    """`KP_OBJECTS_URL`: the same URLs, but the files are in the store."""

    def setUp(self) -> None:
        self.url, self.kept = self.enterContext(small_store())
        self.media = Path(self.enterContext(TemporaryDirectory()))
        self.use(KP_OBJECTS_URL=self.url)

    def use(self, **variables: str) -> None:
        """Apply the settings of these variables."""
        made = settings_with(**variables)
        changed = {name: made[name] for name in ("STORAGES", "MEDIA_IN_STORE")}
        self.enterContext(override_settings(MEDIA_ROOT=self.media, **changed))

    def test_published_covers_are_served_from_the_store(self) -> None:
        (self.media / "covers").mkdir()
        for number in range(20):
            (self.media / "covers" / f"{number}.svg").write_text(f"<svg id='{number}'/>")
        out = StringIO()
        call_command("publish_media", stdout=out)
        self.assertIn("published 20 files", out.getvalue())
        self.assertEqual(self.kept["/media/covers/7.svg"], ("image/svg+xml", b"<svg id='7'/>"))
        response = self.client.get("/media/covers/7.svg")
        self.assertEqual(response.content, b"<svg id='7'/>")
        self.assertEqual(response["Content-Type"], "image/svg+xml")
        self.assertEqual(response["Cache-Control"], "public, max-age=3600")
        self.assertEqual(self.client.get("/media/covers/99.svg").status_code, 404)

    def test_urls_on_pages_stay_the_same(self) -> None:
        self.assertEqual(default_storage.url("covers/1 a.svg"), "/media/covers/1%20a.svg")

    def test_publishing_nothing_is_an_error(self) -> None:
        with self.assertRaisesMessage(CommandError, "seed the site first"):
            call_command("publish_media")

    def test_an_unavailable_store_is_reported_quickly(self) -> None:
        self.use(KP_OBJECTS_URL="http://127.0.0.1:1")
        self.client.raise_request_exception = False
        self.assertEqual(self.client.get("/media/covers/1.svg").status_code, 503)
