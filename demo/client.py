"""A caller of the HTTP API, of the standard library alone."""

import json
import urllib.error
import urllib.request
from typing import Any


class Refused(Exception):
    """The API answered with a problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Client:
    """One caller. `base` is the address with /api/v1."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.token = ""

    def login(self, username: str, password: str) -> None:
        """Raises Refused if the name or password is wrong."""
        self.token = self.post("/tokens", {"username": username, "password": password})["access_token"]

    def get(self, path: str) -> Any:
        return self._send("GET", path, None)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        """key: for what must not be done twice, however often it is asked for."""
        more = {"Idempotency_Key": key} if key else {}
        return self._send("POST", path, body if body is not None else {}, **more)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: Any, **more_headers: str) -> Any:
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in more_headers.items()}}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310  our own address
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                problem = json.loads(text)
            except ValueError:
                problem = {"code": "no_problem_document", "detail": text[:200].decode(errors="replace")}
            raise Refused(error.code, problem) from error
