"""A headless Chromium driven over its DevTools protocol: just enough for the tests of the report's page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from websocket import create_connection

TIMEOUT = 60


def chromium() -> str | None:
    """The program, if there is one: RELSYM_CHROMIUM, or chromium on the path."""
    return os.environ.get("RELSYM_CHROMIUM") or shutil.which("chromium")


class Browser:
    """One page.

    ``console`` holds errors and warnings it printed and exceptions it threw, ``requests`` every address it
    asked for.
    """

    def __init__(self, program: str) -> None:
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        flags = (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            f"--user-data-dir={self.profile.name}",
        )
        self.process = subprocess.Popen(
            [program, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.console: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.number = 0
        address = next(
            found[1] for line in self.process.stderr if (found := re.search(r"listening on (ws://\S+)", line))
        )
        self.socket = create_connection(address, timeout=TIMEOUT)
        self.session: str | None = None
        (target,) = [info for info in self.call("Target.getTargets")["targetInfos"] if info["type"] == "page"]
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.session = None
        self.call("Browser.close")
        self.socket.close()
        self.process.wait(TIMEOUT)
        self.process.stderr.close()
        self.profile.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, note the events that come before its answer, return the answer."""
        self.number += 1
        session = {"sessionId": self.session} if self.session else {}
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters, **session}))
        while (message := json.loads(self.socket.recv())).get("id") != self.number:
            self._note(message)
        if "error" in message:
            raise AssertionError(f"{method}: {message['error']}")
        return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        method, found = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(json.dumps(found["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and found["type"] in ("error", "warning", "assert"):
            self.console.append(json.dumps(found["args"]))
        elif method == "Log.entryAdded" and found["entry"]["level"] in ("error", "warning"):
            self.console.append(found["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(found["message"])

    def look(self, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """The window's size, and which colours the system prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, page: Path) -> None:
        """Load a file and wait until it is drawn."""
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.run(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', "
            "done))"
        )
        self.settle()

    def settle(self) -> None:
        """Wait until two frames have been drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def wait(self, script: str) -> bool:
        """Whether an expression comes true within some seconds."""
        return self.run(
            f"(async () => {{ for (let i = 0; i < 200; i++) {{ if ({script}) return true; await new "
            f"Promise(done => setTimeout(done, 50)); }} "
            "return false; })()"
        )

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """The whole page as PNG, in base64."""
        return self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"].encode()
