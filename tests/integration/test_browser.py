"""Headless Chromium plays a GIF while it is being written, and after."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastheat import GifWriter, Heatmap

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = Path(__file__).with_name("player.html")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Player:
    """A browser page that loads a file again and again."""

    def __init__(self, path: Path, profile: Path) -> None:
        reports: queue.Queue[dict[str, Any]] = queue.Queue()
        go_on: queue.Queue[int] = queue.Queue()

        class Server(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = path.read_bytes() if self.path == "/weights.gif" else PAGE.read_bytes()
                kind = "image/gif" if self.path == "/weights.gif" else "text/html"
                self._answer(200, kind, body)

            def do_POST(self) -> None:
                reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(go_on.get(), "text/plain", b"")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.reports, self.go_on = reports, go_on
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        assert BROWSER is not None
        url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.browser = subprocess.Popen(
            [BROWSER, *FLAGS, f"--user-data-dir={profile}", url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def next(self) -> dict[str, Any]:
        """Return the next report of the page."""
        report = self.reports.get(timeout=120)
        assert "error" not in report, report
        return report

    def close(self) -> None:
        self.go_on.put(204)
        self.browser.terminate()
        self.browser.wait()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def playing(path: Path, tmp_path: Path) -> Iterator[Player]:
    player = Player(path, tmp_path / "profile")
    try:
        yield player
    finally:
        player.close()


def hashed(pixels: np.ndarray[Any, Any]) -> str:
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return hashlib.sha256(opaque.tobytes()).hexdigest()


@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="chromium is not on PATH")
@pytest.mark.parametrize(("loop", "repeats"), [(0, "forever"), (3, 3), (None, 0)])
def test_a_browser_plays_the_file_while_it_is_written_and_after(
    loop: int | None, repeats: object, tmp_path: Path
) -> None:
    path = tmp_path / "weights.gif"
    heatmap = Heatmap((4, 6), vmin=-3, vmax=3, title="step {step}")
    frames = np.random.default_rng(0).normal(0, 0.5, (24, 4, 6)).astype(np.float32)
    wanted = [hashed(heatmap.rgb(frame, f"step {k}")) for k, frame in enumerate(frames)]
    with GifWriter(path, heatmap=heatmap, duration=50, loop=loop, hold=1000) as writer:
        writer.add(frames[0])
        writer.flush()
        with playing(path, tmp_path) as player:
            for k in range(1, len(frames)):
                if k % 8 == 1:
                    report = player.next()
                    assert [f["pixels"] for f in report["frames"]] == wanted[:k]
                    assert {f["milliseconds"] for f in report["frames"]} == {50}
                    assert report["size"] == list(heatmap.size)
                    # the page loads it again while the next frames are written
                    player.go_on.put(200)
                    middle = player.next()
                    seen = [f["pixels"] for f in middle["frames"]]
                    assert seen == wanted[: len(seen)]
                    assert len(seen) >= k
                writer.add(frames[k])
                if k % 8 == 0:
                    writer.flush()
                    player.go_on.put(200)
            writer.close()
            player.go_on.put(200)
            report = player.next()
    assert [f["pixels"] for f in report["frames"]] == wanted
    assert [f["milliseconds"] for f in report["frames"]] == [50] * 23 + [1000]
    assert report["repeats"] == repeats
