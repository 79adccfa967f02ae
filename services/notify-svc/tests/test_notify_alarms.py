"""Alarms about money: how each stands, whatever order its messages come in; shown to operators and to nobody else."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from common.messages import MoneyAlarmCleared, MoneyAlarmRaised
from common.service import Service
from common.testing import assert_problem, bearer, deliver
from notify_svc.api.alarms import AlarmOut, AlarmsOut
from notify_svc.store import MongoStore
from notify_world import MOMENT

OPERATOR = bearer("acc_operator", "patient", "operator")


def raised(n: int = 1, *, count: int = 1, after: int = 0, kind: str = "paid_is_confirmed") -> MoneyAlarmRaised:
    about = [f"ord_{i}" for i in range(min(count, 20))]
    return MoneyAlarmRaised(f"alm_{n}", kind, count, about, MOMENT + timedelta(minutes=after))


def cleared(n: int = 1, *, after: int) -> MoneyAlarmCleared:
    return MoneyAlarmCleared(f"alm_{n}", "paid_is_confirmed", MOMENT + timedelta(minutes=after))


def alarms(service: Service, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = service.app.test_client().get(f"/api/v1/alarms{query}", headers={**OPERATOR, **headers})
    assert answer.status_code == 200, answer.get_data()
    assert AlarmsOut().validate(answer.get_json()) == {}
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def settle(service: Service, alarm_id: str = "alm_1") -> Any:
    return service.app.test_client().post(f"/api/v1/alarms/{alarm_id}/settle", headers=OPERATOR)


def test_an_alarm_is_open_until_it_is_cleared(service: Service) -> None:
    deliver(service, raised(count=25))
    (alarm,) = alarms(service)
    assert (alarm["state"], alarm["count"], len(alarm["about"]), alarm["cleared_at"]) == ("open", 25, 20, None)
    deliver(service, raised(count=2, after=1), cleared(after=2))
    (alarm,) = alarms(service)
    assert (alarm["state"], alarm["count"], alarm["about"]) == ("cleared", 2, ["ord_0", "ord_1"])
    assert [datetime.fromisoformat(alarm[f"{name}_at"]) - MOMENT for name in ("raised", "updated", "cleared")] == [
        timedelta(minutes=n) for n in (0, 2, 2)
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_and_any_repetition_leave_the_last_word(service: Service, order: tuple[int, ...]) -> None:
    said = [raised(), raised(count=3, after=1), cleared(after=2)]
    deliver(service, *[said[n] for n in order], *[said[n] for n in order])
    (alarm,) = alarms(service)
    assert alarm["state"] == "cleared"
    deliver(service, raised(count=5, after=3))
    deliver(service, *said)
    assert [(a["state"], a["count"], a["cleared_at"]) for a in alarms(service)] == [("open", 5, None)]


def test_they_are_shown_newest_first_in_pages_and_by_state(service: Service) -> None:
    deliver(service, *[raised(n, after=n) for n in range(5)], cleared(1, after=9), cleared(3, after=9))
    assert [a["id"] for a in alarms(service)] == ["alm_4", "alm_3", "alm_2", "alm_1", "alm_0"]
    assert [a["id"] for a in alarms(service, "?state=open")] == ["alm_4", "alm_2", "alm_0"]
    assert [a["id"] for a in alarms(service, "?state=cleared")] == ["alm_3", "alm_1"]
    client = service.app.test_client()
    first = client.get("/api/v1/alarms?state=open&limit=2", headers=OPERATOR).get_json()
    rest = client.get(f"/api/v1/alarms?state=open&limit=2&cursor={first['next_cursor']}", headers=OPERATOR).get_json()
    assert [a["id"] for a in first["items"] + rest["items"]] == ["alm_4", "alm_2", "alm_0"]
    assert rest["next_cursor"] is None


def test_they_are_told_in_the_readers_language(service: Service) -> None:
    deliver(service, raised(), raised(2, kind="of_tomorrow", after=1))
    assert [a["title"] for a in alarms(service)] == ["账务提醒", "已付款订单未确认"]
    english = alarms(service, **{"Accept-Language": "en"})
    assert english[1]["title"] == "Paid and not confirmed, or confirmed and not paid"


def test_an_operator_settles_one_and_what_is_told_later_opens_it_again(service: Service) -> None:
    deliver(service, raised())
    answer = settle(service)
    assert answer.status_code == 200
    assert AlarmOut().validate(answer.get_json()) == {}
    assert answer.get_json()["state"] == "cleared"
    assert settle(service).get_json() == answer.get_json()
    deliver(service, raised())
    assert alarms(service)[0]["state"] == "cleared"
    deliver(service, raised(count=2, after=1))
    assert alarms(service)[0]["state"] == "open"
    assert_problem(settle(service, "alm_9"), 404, "alarm_not_found")


@pytest.mark.parametrize("roles", [("patient",), ("registrar",), ("cashier",)])
def test_they_are_for_operators(service: Service, roles: tuple[str, ...]) -> None:
    client, who = service.app.test_client(), bearer("acc_1", *roles, hospital_id="hos_1")
    assert_problem(client.get("/api/v1/alarms", headers=who), 403)
    assert_problem(client.post("/api/v1/alarms/alm_1/settle", headers=who), 403)
    assert_problem(client.get("/api/v1/alarms"), 401)
    assert_problem(client.post("/api/v1/alarms/alm_1/settle"), 401)


@pytest.mark.parametrize(
    ("query", "field"), [("state=broken", "state"), ("limit=0", "limit"), ("cursor=x", "cursor"), ("kind=x", "kind")]
)
def test_bad_input_is_named(service: Service, query: str, field: str) -> None:
    response = service.app.test_client().get(f"/api/v1/alarms?{query}", headers=OPERATOR)
    assert_problem(response, 422, field=field)


def test_their_indexes_are_waited_for(service: Service) -> None:
    assert isinstance(service.store, MongoStore)
    assert service.missing() == []
    service.store.alarms.collection.drop_indexes()
    assert service.missing() == ["migrations"]
    service.migrate()
    assert service.missing() == []
    assert len(service.store.alarms.indexes) == 3
