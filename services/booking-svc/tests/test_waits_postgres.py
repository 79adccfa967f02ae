"""Waiting times on PostgreSQL: what is asked of the database is answered there too."""

from collections.abc import Iterator

import pytest
from waits_day import STAFF, WaitsDay


@pytest.fixture
def day(postgres_url: str) -> Iterator[WaitsDay]:
    day = WaitsDay(postgres_url)
    yield day
    day.close()


def test_a_morning_is_estimated_promised_and_planned(day: WaitsDay) -> None:
    day.known(600)
    day.open()
    first, second, third = (day.come(name) for name in "abc")
    day.fire()
    day.next()
    day.after(10)
    day.next(first)
    day.fire()
    wait = day.wait(third)
    assert wait["coverage"]["count"] == 2
    assert [row.promised for row in day.estimates(third)] == [True, False]
    assert [row.held for row in day.estimates(second)] == [True]
    load = day.get(f"/sessions/{day.session}/load").json["observed"]
    assert (load["called"], load["waiting"]) == (2, 1)
    for at, (leaves, minutes) in enumerate(((second, 10), (third, 20 * 60))):
        day.after(10)
        assert day.next(leaves) == (third, None)[at]
        day.after(minutes)
    for base in ({"session_id": day.session}, {"department_id": "d", "date": "2026-11-24", "period": "morning"}):
        body = {"base": base, "runs": 20, "target_p90": 600}
        planned = day.client.post("/api/v1/planning/what-if", json=body, headers=STAFF).json
        assert planned["used"]["segments"] == [{"starts": 0.0, "appointments": 3}]
    tested = day.get("/planning/back-test?department_id=d&date_from=2026-11-24&date_to=2026-11-24").json
    assert [each["happened"]["seen"] for each in tested["sessions"]] == [3.0]
