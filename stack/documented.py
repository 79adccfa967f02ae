"""Every JSON answer that an application of this process gives in any test is compared with its document in docs/openapi: the pages
are written against clients that are generated from these, so a field that is sometimes missing must not be called required.

A pytest plugin (conftest.py). A test in which an answer was otherwise fails at its end. Stricter than the documents in one
point: an object has no members that they do not name.
"""

import functools
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask, Response, request

DOCUMENTS = Path(__file__).parent.parent / "docs/openapi"
_PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")

wrong: list[str] = []
"""What was otherwise since the last test."""


def as_json_schema(part: Any) -> Any:
    """What OpenAPI 3.0 says of values, in JSON Schema's words."""
    if isinstance(part, list):
        return [as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {name: as_json_schema(value) for name, value in part.items() if name not in {"nullable", "example"}}
    if part.get("nullable") is True and isinstance(part.get("type"), str):
        made["type"] = [part["type"], "null"]
    if part.get("type") == "object" and "properties" in part:
        made.setdefault("additionalProperties", False)
    return made


@functools.cache
def _document(service: str) -> Any:
    file = DOCUMENTS / f"{service}.json"
    return as_json_schema(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


@functools.cache
def _validator(service: str, path: str, method: str, status: int, content_type: str) -> Any:
    """Of one answer; None for what is not documented: test_docs.py and schemathesis see to that."""
    document = _document(service)
    responses = document.get("paths", {}).get(path, {}).get(method, {}).get("responses", {})
    content = responses.get(str(status), responses.get("default", {})).get("content", {})
    if "schema" not in content.get(content_type, {}):
        return None
    schema = {**content[content_type]["schema"], "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def look(service: str, rule: str, method: str, response: Response) -> None:
    """Remember what is wrong with this answer."""
    content_type = response.mimetype or ""
    if response.is_streamed or response.direct_passthrough or not content_type.endswith("json"):
        return
    path = _PARAMETER.sub(r"{\1}", rule)
    validator = _validator(service, path, method.lower(), response.status_code, content_type)
    body = response.get_data()
    if response.content_encoding == "gzip":
        body = gzip.decompress(body)
    errors = () if validator is None else validator.iter_errors(json.loads(body))
    where = f"{method} {path} {response.status_code}"
    wrong.extend(f"{where} at {list(error.instance_path)}: {error.message[:500]}" for error in errors)


def looking(process_response: Any) -> Any:
    """`Flask.process_response`, which sees every answer."""

    @functools.wraps(process_response)
    def see(self: Flask, response: Response) -> Response:
        done: Response = process_response(self, response)
        if request.url_rule is not None:
            look(self.name, request.url_rule.rule, request.method, done)
        return done

    return see


@pytest.fixture(autouse=True, scope="session")
def _answers_are_looked_at() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "process_response", looking(Flask.process_response))
        yield


@pytest.fixture(autouse=True)
def _answers_are_as_documented() -> Iterator[None]:
    wrong.clear()
    yield
    if wrong:
        pytest.fail("not as docs/openapi says (after a change: python -m docs.generate):\n" + "\n".join(wrong[:5]))
