"""One document is one person, in whosever list and whatever keys are in use; and nobody can tell that another list has it."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.ids import genuine, person_of
from common.service import Service
from common.testing import assert_problem
from credit_world import ZHANG
from test_user_identity import resident_id
from user_svc import store
from user_svc.app import Settings, build
from user_world import CHEAP, PASSWORD, Person, join

LI = {"name": "李四", "id_type": "passport", "id_number": "E12345678", "phone": "13912345678"}
OLD, NEW, NEWEST = (base64.b64encode(hashlib.sha256(name).digest()).decode() for name in (b"old", b"new", b"newest"))


def add(person: Person, body: dict[str, Any] = ZHANG) -> str:
    answer = person.call("POST", "/users/me/patients", body)
    assert answer.status_code == 201, answer.get_data()
    return str(answer.get_json()["id"])


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(re.sub(r"\s+", " ", statement))

    sa.event.listen(service.database.engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(service.database.engine, "before_cursor_execute", note)


def test_two_accounts_have_two_ids_of_one_person(alice: Person, bob: Person) -> None:
    hers, his, another = add(alice), add(bob), add(bob, LI)
    assert hers != his
    assert person_of(hers) == person_of(his) != person_of(another)
    assert genuine(hers, "pat", alice.id)
    assert genuine(his, "pat", bob.id)
    assert not genuine(his, "pat", alice.id)


def test_nothing_tells_that_another_list_has_the_document(alice: Person, bob: Person) -> None:
    """Not the answer nor its length, not the list, not what is asked of the database; nor does it matter who has it still."""
    add(alice)
    told, asked = [], []
    for body in (ZHANG, {**ZHANG, "id_number": resident_id(order=125)}):
        with statements(bob.service) as said:
            answer = bob.call("POST", "/users/me/patients", body)
        shown = answer.get_json()
        told.append((answer.status_code, len(answer.get_data()), sorted(answer.headers.keys()), sorted(shown)))
        told[-1] += (shown["revision"], len(shown["id"]))
        asked.append(said)
    assert told[0] == told[1]
    assert asked[0] == asked[1]
    items = bob.call("GET", "/users/me/patients").get_json()["items"]
    assert len({len(json.dumps(item)) for item in items}) == 1
    marks = [bob.call("GET", f"/users/me/patients/{item['id']}/credit").get_data() for item in items]
    assert marks[0] == marks[1]


def test_one_patient_of_before_is_who_later_ones_are_about(alice: Person, bob: Person) -> None:
    """Also if the release before wrote the row, which knows nothing of persons."""
    old = "pat_abcdefghijklmnoptagtagta"
    with alice.service.database.transaction() as tx:
        tx.conn.execute(store.tables.persons.delete())
    first = add(alice)
    with alice.service.database.transaction() as tx:
        tx.conn.execute(store.tables.persons.delete())
        tx.conn.execute(sa.update(store.tables.patients).where(store.tables.patients.c.id == first).values(id=old))
    his = add(bob)
    assert len(his) == 44
    assert person_of(his) == person_of(old) == "abcdefghijklmnop"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("resident_id", resident_id(810000)), ("permit", resident_id(810000))),
        (("permit", "H1234567801"), ("permit", "H1234567802")),
    ],
    ids=["a residence permit under both types", "a renewed permit"],
)
def test_one_document_in_two_forms_is_one_person(alice: Person, bob: Person, one: Any, other: Any) -> None:
    bodies = [{**LI, "id_type": id_type, "id_number": number} for id_type, number in (one, other)]
    hers = add(alice, bodies[0])
    assert person_of(add(bob, bodies[1])) == person_of(hers)
    assert_problem(alice.call("POST", "/users/me/patients", bodies[1]), 409, "patient_exists")
    alice.call("DELETE", f"/users/me/patients/{hers}")
    assert add(alice, bodies[1]) == hers, "she comes back as who she was"
    (shown,) = alice.call("GET", "/users/me/patients").get_json()["items"]
    assert shown["id_type"] == other[0]


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_keys(tmp_path: Any, clock: ManualClock) -> Iterator[Callable[[str], Service]]:
    """Processes of one database under other keys."""
    made: list[Service] = []

    def with_them(keys: str) -> Service:
        url = f"sqlite:///{tmp_path}/keys.db"
        made.append(build(Settings(database_url=url, data_key=keys, admin_password=PASSWORD, **CHEAP), clock))
        made[-1].migrate()
        return made[-1]

    yield with_them
    for service in made:
        service.database.close()


@pytest.mark.parametrize(
    "steps",
    [
        (OLD, f"{NEW},{OLD}", NEW, f"{NEWEST},{NEW}", NEWEST),
        (f"{OLD},{NEW}", OLD, f"{NEW},{OLD}", OLD, NEW),
        (f"{NEW},{OLD}", OLD, NEW),
    ],
    ids=["one after the other", "a release half-way", "the other way round"],
)
def test_a_person_is_found_while_keys_change(with_keys: Callable[[str], Service], steps: tuple[str, ...]) -> None:
    persons = {person_of(add(join(with_keys(keys), f"user{n}"))) for n, keys in enumerate(steps)}
    assert len(persons) == 1


def test_she_comes_back_as_who_she_was_under_another_key(with_keys: Callable[[str], Service]) -> None:
    before = join(with_keys(OLD), "alice")
    hers = add(before)
    now = Person(with_keys(f"{NEW},{OLD}")).log_in("alice")
    assert_problem(now.call("POST", "/users/me/patients", ZHANG), 409, "patient_exists")
    assert now.call("DELETE", f"/users/me/patients/{hers}").status_code == 204
    assert add(now) == hers


# --- at once ---------------------------------------------------------------------------------------------------------


def all_at_once(people: list[Person]) -> set[str]:
    """Each adds the same document at the same moment; answers the persons that came of it."""
    barrier = threading.Barrier(len(people), timeout=30)
    found: list[str] = []

    def work(person: Person) -> None:
        barrier.wait()
        found.append(person_of(add(person)))

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(people)
    return set(found)


def test_accounts_that_add_a_document_at_once_have_one_person(service: Service) -> None:
    assert len(all_at_once([join(service, f"user{n}") for n in range(6)])) == 1


@pytest.mark.stack
def test_the_same_on_postgresql_while_keys_change(postgres_url: str, clock: ManualClock) -> None:
    services = [
        build(Settings(database_url=postgres_url, data_key=keys, admin_password=PASSWORD, **CHEAP), clock)
        for keys in (OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", f"{OLD},{NEWEST}")
    ]
    services[0].migrate()
    people = [join(services[n % 4], f"user{n}") for n in range(8)]
    for round_ in range(5):
        for person in people:
            for patient in person.call("GET", "/users/me/patients").get_json()["items"]:
                person.call("DELETE", f"/users/me/patients/{patient['id']}")
        with services[0].database.transaction() as tx:
            tx.conn.execute(store.tables.persons.delete())
            tx.conn.execute(store.tables.patients.delete())
        assert len(all_at_once(people)) == 1, round_
    with services[0].database.reading() as conn:
        kept = conn.execute(sa.select(store.tables.persons.c.person)).scalars().all()
    assert (len(kept), len(set(kept))) == (3, 1), "an index of each key"
    for service in services:
        service.database.close()
