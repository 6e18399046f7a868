"""A Probot app to compare the webhook route with: it checks the signature, parses the payload and responds.

Probot keeps nothing: what it has acknowledged and not yet handled is lost when its process ends. The app is installed
with npm into a temporary folder.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import PATH, SECRET

PACKAGE = "probot@14"
APP = """export default (app) => {
  app.on("push", async () => {});
};
"""
MISSING = "skipped: node and npm are not there"
INSTALL_SECONDS = 300


def missing() -> str:
    """Return why Probot is not measured, or an empty string."""
    return "" if shutil.which("node") and shutil.which("npm") else MISSING


@contextmanager
def installed() -> Iterator[Path | None]:
    """Install the app, and yield its folder, which is deleted afterwards; None without node and npm."""
    npm = shutil.which("npm")
    if missing() or npm is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="longshore-bench-probot-") as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        (folder / "app.js").write_text(APP)
        command = (npm, "install", "--no-audit", "--no-fund", "--silent", PACKAGE)
        subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_SECONDS)
        yield folder


def command(folder: Path) -> list[str]:
    """Return the command that starts the app in its folder."""
    program = folder / "node_modules" / "probot" / "bin" / "probot.js"
    return [shutil.which("node") or "node", str(program), "run", str(folder / "app.js")]


def environment(port: int, private_key: str) -> Mapping[str, str]:
    """Return the settings of the app, for the route and the secret of our load; requests are not logged."""
    return {
        "APP_ID": "1",
        "PRIVATE_KEY": private_key,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_PATH": PATH,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": "warn",
        "NODE_ENV": "production",
    }
