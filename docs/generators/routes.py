"""docs/routes.md: every route with the roles that may call it, from the services' applications."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.web.access import ROLES
from werkzeug.routing import Rule

from docs.generators.access import plain
from docs.generators.access import table as table_of
from docs.generators.markdown import code, notice, paragraphs, summary, table
from docs.generators.services import Documented

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


def of(service: Documented) -> Iterator[Route]:
    """The routes of a service, in the order of their paths."""
    for rule in sorted(service.app.url_map.iter_rules(), key=_order):
        view = service.app.view_functions[rule.endpoint]
        access = getattr(view, "access", None)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(service.name, method, rule.rule, access, summary(view.__doc__))


def _order(rule: Rule) -> tuple[str, list[str]]:
    return rule.rule, sorted(rule.methods or ())


CALLERS = {"": "everybody", **{role: role.replace("hospital_admin", "hospital admin") for role in ROLES}}
"""The columns: who calls, and what the head of the column says."""


def signs(access: frozenset[str] | None) -> list[str]:
    """A sign for each caller. A route that declares nothing is refused to all."""
    if access is None:
        return [""] * len(CALLERS)
    return ["●" if not access or role in access else "" for role in CALLERS]


def limits() -> dict[tuple[str, str], tuple[str, str]]:
    """By method and path: what becomes of those who name another person's or another hospital's things."""
    shown = {"-": "", "own": "own only"}
    return {(r.method, r.path): (shown.get(r.person, r.person), shown.get(r.hospital, r.hospital)) for r in table_of()}


def page(services: Sequence[Documented]) -> str:
    """The whole page."""
    others, nothing = limits(), ("", "")
    sections = [
        paragraphs(
            f"## {service.name}",
            f"[openapi/{service.name}.json](openapi/{service.name}.json)",
            table(
                ("", "path", *CALLERS.values(), "another person's", "another hospital's", "what"),
                [
                    (r.method, code(r.rule), *signs(r.access), *others.get((r.method, plain(r.rule)), nothing), r.about)
                    for r in of(service)
                    if r.rule not in UNROUTED
                ],
            ),
        )
        for service in services
    ]
    return paragraphs(
        notice("the services' views and tests/access/table.txt"),
        "# Routes",
        "Every view declares who may call it; one that declares nothing is refused to everybody, and a test finds it. "
        "tests/access/table.txt says the same by hand; a test compares the two, and tries each cell.",
        "● may call it; the others get 401 without a token, and 403 `wrong_role` with one. An account's roles add up: all staff are patients too; a "
        "board, the screen on a hospital's wall, is nothing else. "
        "Doctors, registrars, cashiers, hospital_admins and boards act for their own hospital only. *Another person's* and *another hospital's*: what is "
        "answered to who names, in the path, the query or the body, a thing that is not hers or not her hospital's; *own only*: there is nothing to "
        "name, or naming another's finds nothing.",
        f"Each process also answers {', '.join(code(path) for path in UNROUTED)}, which the gateway does not pass on.",
        *sections,
    )
