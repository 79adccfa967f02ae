"""A chassis of a few lines in place of `common`, so that what is tested is how processes are run."""

import contextlib
from pathlib import Path

RUN = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

NAMES = ("DATABASE_URL", "MONGO_URL", "BROKER_URL", "REDIS_URL", "JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "DATA_KEY", "ID_KEY", "EXTRA", "CRASH_AT", "CONTACT_KEY",
    "TRAIL_KEY", "DOOR_KEY", "RECEIPTS_TOKEN", "SMTP_URL", "SMTP_CA", "ALIBABA_SMS_URL", "PUBLIC_URL")

def facts(name):
    return {"service": name, "pid": os.getpid(), **{key: os.environ.get(key, "") for key in NAMES}}

def api(name):
    def app(environ, start):
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(facts(name)).encode()]
    return app

class Probe(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash" and os.environ.get("CRASH_AT"):
            os._exit(86)
        body = json.dumps(facts(sys.argv[2])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

if __name__ == "__main__":
    command, name = sys.argv[1:]
    print(command, name, "speaks", flush=True)
    if os.environ.get("FAIL") == command:
        sys.exit("no such table")
    if command == "worker":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        HTTPServer(("127.0.0.1", int(os.environ["WORKER_PORT"])), Probe).serve_forever()
"""


def fake_chassis(folder: Path) -> dict[str, str]:
    """Write it below `folder`; the variable that puts it before the real one."""
    package = folder / "fake" / "common"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "run.py").write_text(RUN)
    (package / "gunicorn_conf.py").write_text("workers = 1\nworker_class = 'gthread'\ncontrol_socket_disable = True\n")
    return {"PYTHONPATH": str(package.parent)}


def running_with(text: str) -> dict[int, str]:
    """The processes that name `text` in their arguments or their environment: their ids and commands."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if command and text.encode() in command + (process / "environ").read_bytes():
                found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found
