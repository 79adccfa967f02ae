"""The tree keeps its shape. Each rule is shown to fail on a planted violation."""

import functools
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import code_rules as rules
import pytest
import yaml
from code_rules import ROOT, Source
from common.envelope import seal, unseal
from common.messages import CATALOGUE, SPECS, SUPERSEDED, SlotReleased
from common.outbox import Database
from common.service import Service
from common.settings import Settings
from common.web import Routes, create_app

from docs.generators import routes, settings
from docs.generators.services import build_all, build_audit

ALL = rules.sources()
DOMAIN = "services/user-svc/user_svc/domain.py"


def none(violations: Iterable[str]) -> None:
    found = list(violations)
    assert not found, "\n" + "\n".join(found)


# --- rules for each file ---------------------------------------------------------------------------------------------

PLANTED = [
    (rules.foreign_imports, "services/user-svc/user_svc/store.py", "from booking_svc import saga", "booking_svc"),
    (rules.foreign_imports, "libs/common/common/ids.py", "def f():\n    import user_svc.app", "user_svc"),
    (rules.foreign_imports, "services/user-svc/user_svc/app.py", "from embedded.system import System", "embedded"),
    (rules.foreign_imports, "stack/system.py", "import booking_svc", "booking_svc"),
    (rules.wrong_layers, DOMAIN, "from user_svc import store", "domain must not know store"),
    (rules.wrong_layers, "services/user-svc/user_svc/store/sql.py", "import user_svc.usecases", "usecases"),
    (rules.wrong_layers, "services/user-svc/user_svc/api.py", "from user_svc.worker import JOBS", "worker"),
    (rules.wrong_layers, "services/user-svc/user_svc/helper.py", "from user_svc import usecases", "helper"),
    (rules.impure_domain, DOMAIN, "import msgspec", "msgspec"),
    (rules.impure_domain, DOMAIN, "from common import outbox", "common.outbox"),
    (rules.impure_domain, "services/booking-svc/booking_svc/saga.py", "from common import clock", "common.clock"),
    (rules.misplaced_libraries, DOMAIN, "import sqlalchemy as sa", "sqlalchemy"),
    (rules.misplaced_libraries, "services/user-svc/user_svc/usecases.py", "from flask import request", "flask"),
    (rules.misplaced_libraries, "services/user-svc/user_svc/worker.py", "import pika", "pika"),
    (rules.misplaced_libraries, "services/notify-svc/notify_svc/usecases.py", "import pymongo", "pymongo"),
    (rules.misplaced_libraries, "libs/common/common/outbox/relay.py", "import kombu", "kombu"),
    (rules.oversized, DOMAIN, "\n" * 401, "401 lines"),
    (rules.oversized, DOMAIN, "def f():\n" + "    pass\n" * 40, "f has 41 lines"),
]
RULES = list(dict.fromkeys(rule for rule, *_ in PLANTED))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule):
    none(violation for source in ALL for violation in rule(source))


@pytest.mark.parametrize(("rule", "path", "text", "said"), PLANTED)
def test_a_planted_violation_is_found(rule, path, text, said):
    (violation,) = rule(Source(path, text))
    assert violation.startswith(path)
    assert said in violation


def test_every_exception_is_needed_and_has_a_reason():
    by_path = {source.path: source for source in ALL}
    for (path, library), reason in rules.EXCEPTIONS.items():
        assert list(rules.misplaced_libraries(by_path[path], {})), f"{path} needs no exception for {library}"
        assert reason


def test_nothing_is_loaded_in_a_circle():
    none(rules.cycles(ALL))


def test_a_planted_circle_is_found():
    circle = [Source("stack/a.py", "from stack.b import x"), Source("stack/b.py", "import stack.a")]
    assert list(rules.cycles(circle)) == ["stack.a -> stack.b -> stack.a"]


def test_the_rules_see_the_whole_tree():
    seen = {source.root for source in ALL}
    assert {"common", "user_svc", "schedule_svc", "booking_svc", "payment_svc", "notify_svc", "embedded"} <= seen


# --- messages --------------------------------------------------------------------------------------------------------

SENDERS = {cls.__name__: spec.sender for cls, spec in SPECS.items() if cls not in SUPERSEDED}


def test_every_message_is_sent_by_its_declared_sender_alone():
    none(rules.wrong_senders(ALL, SENDERS))


def test_a_foreign_sender_and_a_message_without_sender_are_found():
    planted = Source("services/user-svc/user_svc/usecases.py", "from common import messages\nmessages.OrderPlaced()")
    found = list(rules.wrong_senders([planted], {"OrderPlaced": "booking-svc", "OrderHeld": "booking-svc"}))
    assert found == [f"{planted.path}:2: OrderPlaced is booking-svc's to send", "OrderHeld: booking-svc never sends it"]


def unheard(catalogue: Iterable[type], subscriptions: Iterable[Mapping[type, object]]) -> list[str]:
    """Messages that nobody takes."""
    taken = {cls for subscribed in subscriptions for cls in subscribed}
    return [cls.__name__ for cls in catalogue if cls not in taken]


def test_every_message_has_a_receiver():
    current = [cls for cls in CATALOGUE.values() if cls not in SUPERSEDED]
    assert unheard(current, [service.subscriptions for service in build_all()]) == []


def test_a_message_without_receiver_is_found():
    assert unheard([int, str, float], [{int: print}, {float: print}]) == ["str"]


def test_no_service_subscribes_to_what_is_no_message():
    for service in build_all():
        assert set(service.subscriptions) <= set(SPECS), service.name


def without_golden(types: Iterable[str], folder: Path) -> list[str]:
    """Message types that have no golden file, or one that is of another type."""
    return [
        type_
        for type_ in types
        if not (folder / f"{type_}.json").is_file() or unseal((folder / f"{type_}.json").read_bytes()).type != type_
    ]


def test_every_message_has_a_golden_file():
    assert without_golden(CATALOGUE, ROOT / "libs/common/common/golden") == []


def test_a_missing_and_a_misnamed_golden_file_are_found(tmp_path):
    body = seal(SlotReleased("ord_1", "ses_1"), datetime(2026, 11, 22, tzinfo=UTC)).body
    for name in ("schedule.slot_released.v1", "user.patient_saved.v1"):
        (tmp_path / f"{name}.json").write_bytes(body)
    names = ["schedule.slot_released.v1", "user.patient_saved.v1", "user.user_registered.v1"]
    assert without_golden(names, tmp_path) == ["user.patient_saved.v1", "user.user_registered.v1"]


# --- routes ----------------------------------------------------------------------------------------------------------


@functools.cache
def every_route() -> list[routes.Route]:
    return [route for service in (*build_all(), build_audit()) for route in routes.of(service)]


def gateway_map(text: str) -> list[tuple[re.Pattern[str], str]]:
    """The gateway's table from path to service, in its order."""
    block = re.search(r"map \$uri \$service \{(.*?)\n\s*\}", text, re.DOTALL)
    assert block
    rows = re.findall(r"^\s*~(\S+)\s+(\S+);", block[1], re.MULTILINE)
    return [(re.compile(pattern.replace("(?<", "(?P<")), target) for pattern, target in rows]


def gateway_sends(path: str, table: list[tuple[re.Pattern[str], str]]) -> str:
    """The service that gets requests for this path; "" for none."""
    for pattern, target in table:
        if match := pattern.match(path):
            return match[target.removeprefix("$")] if target.startswith("$") else target
    return ""


def wrongly_routed(all_routes: Iterable[routes.Route], table: list[tuple[re.Pattern[str], str]]) -> list[str]:
    found = []
    for route in all_routes:
        path = re.sub(r"<[^>]+>", "x1", route.rule)
        wanted = "" if route.rule in routes.UNROUTED else route.service
        if (got := gateway_sends(path, table)) != wanted:
            found.append(f"{route.method} {route.rule} of {route.service} goes to {got or 'nobody'}")
    return found


def leading_nowhere(all_routes: Iterable[routes.Route], table: list[tuple[re.Pattern[str], str]]) -> list[str]:
    """First parts of a path that the gateway passes on, although no service has them."""
    firsts = {route.rule.removeprefix("/api/v1").split("/")[1] for route in all_routes}
    named = {
        name.replace("\\", "")
        for pattern, _ in table
        if (match := re.match(r"\^(?:/api/v1)?/(?:\(([^)?]+)\)|([a-z]+)[/(])", pattern.pattern))
        for name in (match[1] or match[2]).split("|")
    }
    return sorted(named - firsts)


NGINX = (ROOT / "deploy/gateway/nginx.conf").read_text(encoding="utf-8")


def undeclared(all_routes: Iterable[routes.Route]) -> list[str]:
    """Views that do not say who may call them."""
    return [f"{r.service}: {r.method} {r.rule} declares no access rule" for r in all_routes if r.access is None]


def test_every_view_declares_who_may_call_it():
    assert len(every_route()) > 40
    none(undeclared(every_route()))


def test_a_view_without_a_rule_is_found_and_refused():
    service = Service("booking-svc", Settings(), Database("sqlite://"), {}, migrate=lambda: None, missing=list)
    blueprint = Routes("planted", __name__, url_prefix="/api/v1")
    blueprint.get("/forgotten")(dict)
    service.web = create_app(service, [blueprint])
    assert undeclared(routes.of(service)) == ["booking-svc: GET /api/v1/forgotten declares no access rule"]
    assert service.app.test_client().get("/api/v1/forgotten").status_code == 403


def test_the_gateway_sends_every_path_to_the_service_that_has_it():
    none(wrongly_routed(every_route(), gateway_map(NGINX)))


def test_the_gateway_knows_no_path_that_no_service_has():
    assert leading_nowhere(every_route(), gateway_map(NGINX)) == []


def test_a_route_that_the_gateway_forgot_is_found():
    planted = [
        routes.Route("user-svc", "GET", "/api/v1/orders/<id>", frozenset(), ""),
        routes.Route("booking-svc", "GET", "/api/v1/orders/<id>", frozenset(), ""),
        routes.Route("booking-svc", "GET", "/metrics", frozenset(), ""),
    ]
    table = gateway_map("map $uri $service {\n  ~^/api/v1/(orders|ghosts)(/|$)  booking-svc;\n}")
    assert wrongly_routed(planted, table) == ["GET /api/v1/orders/<id> of user-svc goes to booking-svc"]
    assert leading_nowhere(planted, table) == ["ghosts"]


# --- the environment -------------------------------------------------------------------------------------------------

OF_THE_IMAGE = {"SERVICE"}
"""Read by the image's command, not by Python."""
HALVES = {"BROKER_USER", "BROKER_PASSWORD", "DB_PASSWORD", "MONGO_USER", "MONGO_PASSWORD"}
"""Of which the manifests put a URL together."""


def compose_variables() -> dict[str, set[str]]:
    """Container of ours -> the variables that docker-compose.yml gives it."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return {
        name: set(container.get("environment", {}))
        for name, container in compose["services"].items()
        if container["image"].startswith("haoyuan/")
    }


def kubernetes_variables(text: str) -> set[str]:
    """The variables that a manifest gives to the service's container."""
    in_lists = re.findall(r"- \{?name: ([A-Z][A-Z0-9_]+)\b", text)
    return {*in_lists, *re.findall(r"^\s+- ([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)}


def must_have(service: str) -> set[str]:
    """What production cannot do without: secrets, and where the servers are."""
    shared = {"DATABASE_URL" if service != "notify-svc" else "MONGO_URL", "BROKER_URL", "APP_ENV"}
    fields = [*settings.common_fields(), *settings.fields_of(service)]
    return shared | {str(f.metadata["variable"]) for f in fields if f.metadata["secret"]}


CHOSEN = {
    "user-svc": {"PASSWORD_SHORTEST", "ACCESS_TOKEN_SECONDS"},
    "notify-svc": {"KEEP_NOTIFICATIONS_DAYS", "KEEP_DELIVERIES_DAYS", "EMAIL_PER_SECOND", "SMS_PER_SECOND"},
}
"""What a house may choose: the containers can be told."""


def test_what_a_house_may_choose_reaches_the_containers():
    compose, base = compose_variables(), ROOT / "deploy/k8s/base"
    for service, variables in CHOSEN.items():
        assert variables <= settings.variables_of(service)
        for container in (service, f"{service}-worker", f"{service}-migrate"):
            assert variables - compose[container] == set()
        manifest = (base / service / "kustomization.yaml").read_text(encoding="utf-8")
        assert variables - kubernetes_variables(manifest) == set()


def test_compose_names_the_variables_that_the_services_read():
    for container, variables in compose_variables().items():
        service = re.sub("-(migrate|worker|stream)$", "", container)
        if service not in rules.SERVICES:
            continue
        known = settings.variables_of(service)
        assert variables - known - OF_THE_IMAGE == set(), f"{container}: nobody reads them"
        assert must_have(service) - variables == set(), f"{container}: it cannot do without"


@pytest.mark.parametrize(
    ("tool", "package", "left_out"),
    [
        ("payment-sandbox", "payment_sandbox", {"PAYMENT_SANDBOX_SPEED"}),
        ("mailbox", "mailbox_sandbox", {"MAILBOX_TEMPLATES"}),
    ],
)
def test_compose_and_kubernetes_name_the_variables_that_other_houses_read(tool, package, left_out):
    program = (ROOT / "tools" / tool / package / "__main__.py").read_text(encoding="utf-8")
    known = {"APP_ENV", *re.findall(rf'"({tool.replace("-", "_").upper()}_[A-Z_]+)"', program)}
    folder = ROOT / "deploy/k8s/components" / tool
    manifest = "".join(file.read_text(encoding="utf-8") for file in folder.glob("[!k]*.yaml"))
    assert compose_variables()[tool] == kubernetes_variables(manifest) - {"app"} == known - left_out


@pytest.mark.parametrize("service", sorted(rules.SERVICES))
def test_kubernetes_names_the_variables_that_the_services_read(service):
    base = ROOT / "deploy/k8s/base"
    files = [base / "kustomization.yaml", base / "service/environment.yaml", base / service / "kustomization.yaml"]
    variables = set().union(*(kubernetes_variables(file.read_text(encoding="utf-8")) for file in files))
    assert variables - settings.variables_of(service) - OF_THE_IMAGE - HALVES == set(), "nobody reads them"
    assert must_have(service) - variables == set(), "it cannot do without"


def test_a_variable_that_nobody_reads_is_found():
    assert "DATABASE_URI" not in settings.known_variables()
    assert kubernetes_variables("  - {name: DATABASE_URI, value: x}\n      - PORTS=1\n") == {"DATABASE_URI", "PORTS"}


def test_the_example_environment_names_what_compose_asks_for():
    asked = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
    assert asked == offered
