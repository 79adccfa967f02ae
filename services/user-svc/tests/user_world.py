"""Cheap settings, and people who talk to the service."""

from dataclasses import dataclass, field
from typing import Any

from common.service import Service
from werkzeug.test import TestResponse

CHEAP = {"password_time_cost": 1, "password_memory": 8}
PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody with a client, and a token once logged in."""

    service: Service
    username: str = ""
    id: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        if self.tokens:
            headers = {"Authorization": f"Bearer {self.tokens['access_token']}", **headers}
        options = {} if body is None else {"json": body}
        client = self.service.app.test_client()
        return client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def log_in(self, username: str, password: str = PASSWORD) -> "Person":
        answer = self.call("POST", "/tokens", {"username": username, "password": password})
        assert answer.status_code == 200, answer.get_data()
        self.tokens = answer.get_json()
        self.username = username
        self.id = self.call("GET", "/users/me").get_json()["id"]
        return self


def join(service: Service, username: str, **more: Any) -> Person:
    """Register and log in."""
    body = {"username": username, "password": PASSWORD, "email": f"{username}@example.com", **more}
    answer = Person(service).call("POST", "/users", body)
    assert answer.status_code == 201, answer.get_data()
    return Person(service).log_in(username)
