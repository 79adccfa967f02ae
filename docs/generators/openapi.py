"""docs/openapi/<svc>.json: the OpenAPI documents, as the services themselves answer them."""

import json

from docs.generators.services import Documented


def document(service: Documented) -> str:
    """A service's document; the same that it serves below /api/v1/docs."""
    answer = service.app.test_client().get(f"/api/v1/docs/{service.name}/openapi.json")
    return json.dumps(answer.get_json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
