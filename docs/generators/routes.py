"""docs/routes.md: every route with the roles that may call it, from the services' applications."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.service import Service
from common.web.access import ROLES
from werkzeug.routing import Rule

from docs.generators.markdown import code, notice, paragraphs, summary, table

UNROUTED = ("/healthz", "/readyz", "/metrics")
"""Of each process, not of the platform: probes ask for them, the gateway does not pass them on."""


@dataclass(frozen=True)
class Route:
    """One path with one method. `access`: the roles that may call it, none for everybody, None if nobody said."""

    service: str
    method: str
    rule: str
    access: frozenset[str] | None
    about: str


def of(service: Service) -> Iterator[Route]:
    """The routes of a service, in the order of their paths."""
    for rule in sorted(service.app.url_map.iter_rules(), key=_order):
        view = service.app.view_functions[rule.endpoint]
        access = getattr(view, "access", None)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(service.name, method, rule.rule, access, summary(view.__doc__))


def _order(rule: Rule) -> tuple[str, list[str]]:
    return rule.rule, sorted(rule.methods or ())


def who(access: frozenset[str] | None) -> str:
    """The roles in their usual order."""
    if access is None:
        return "**nobody**"
    if access >= set(ROLES):
        return "all who are logged in"
    return ", ".join(role for role in ROLES if role in access) or "everybody"


def page(services: Sequence[Service]) -> str:
    """The whole page."""
    sections = [
        paragraphs(
            f"## {service.name}",
            f"[openapi/{service.name}.json](openapi/{service.name}.json)",
            table(
                ("", "path", "roles", "what"),
                [(r.method, code(r.rule), who(r.access), r.about) for r in of(service) if r.rule not in UNROUTED],
            ),
        )
        for service in services
    ]
    return paragraphs(
        notice("the services' views"),
        "# Routes",
        "Every view declares who may call it; one that declares nothing is refused to everybody, and a test finds it. "
        f"Roles: {', '.join(ROLES)}; all staff are patients too. Doctors, registrars, cashiers and hospital_admins act for their own hospital only. "
        f"Each process also answers {', '.join(code(path) for path in UNROUTED)}, which the gateway does not pass on.",
        *sections,
    )
