"""A hospital's roster of 100,000 sessions: in parts through the broker into schedule-svc's worker, one result each."""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import pika
from common import ids
from common.clock import SHANGHAI
from haoyuan_roster_format import SESSIONS_PER_PART, result_key, routing_key, seal

from bench import cpu
from bench.pgbench import PgBench
from bench.report import Figure
from bench.world import World, patiently

SESSIONS, SESSIONS_QUICK = 100_000, 5_000
DOCTORS, DEPARTMENTS, SLOTS = 200, 20, 4
IN, OUT = "roster.in", "roster.out"
PATIENCE = 900.0
MEMORY = 500  # MB
_MORNING, _AFTERNOON = 8, 14


def rosters(world: World, _limits: PgBench) -> list[Figure]:
    """(g) Sessions of a roster taken in: decoded, checked, judged by version, stored with their slots and timers, announced.

    The other workers are stopped. Memory: the most that the worker ever had, of which some 80 MB are Python and our code.
    """
    count = SESSIONS if world.seconds > 1 else SESSIONS_QUICK
    hospital = f"bench-{ids.mint('x')[2:10]}"  # one more run takes in just as much
    parts = list(_parts(hospital, count))
    world.stop_workers()
    connection = pika.BlockingConnection(pika.URLParameters(world.system.realm.broker_url))
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, OUT, result_key(hospital))
    channel.confirm_delivery()
    for body in parts:
        channel.basic_publish(IN, routing_key(hospital, "roster_published"), body, mandatory=True)
    world.start_workers("schedule-svc")
    before = cpu.usage(world.system)

    def answered() -> bool:
        connection.process_data_events(0)
        return int(channel.queue_declare(queue, passive=True).method.message_count) >= len(parts)

    patiently(answered, PATIENCE, "a result for every part")
    used = cpu.usage(world.system).since(before).per(count)
    taken, seconds = _taken(world, hospital)
    connection.close()
    if taken != count:
        raise AssertionError(f"{taken} of {count} sessions were taken in")
    speed = Figure("(g) sessions of a roster taken in", "1/s", [count / seconds], cpu=[used])
    speed.notes.append(f"{count} sessions of {SLOTS} slots in {len(parts)} parts, {sum(map(len, parts)) / 1e6:.0f} MB")
    memory = Figure(
        "(g) the worker's memory meanwhile, at most", "MB", [_peak(world)], goal=f"below {MEMORY}", better="lower"
    )
    memory.met = memory.value < MEMORY
    return [speed, memory]


def _taken(world: World, hospital: str) -> tuple[int, float]:
    """How many sessions there are of the hospital, and the seconds since its first part was begun."""
    count, begun, now = world.ask(
        "schedule-svc",
        "SELECT sum(r.applied) - %s, min(r.received_at), clock_timestamp() FROM rosters r"
        " JOIN hospitals h ON h.id = r.hospital_id WHERE h.code = %s",
        DOCTORS + DEPARTMENTS,
        hospital,
    )
    return int(count), (now - begun).total_seconds()


def _peak(world: World) -> float:
    """MB of the largest process of schedule-svc's worker, ever (proc(5), VmHWM)."""
    pid = world.system.part("schedule-svc", "worker").process.pid
    peaks = []
    for process in cpu.tree(pid):
        status = Path(f"/proc/{process}/status").read_text()
        peaks += [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
    return max(peaks)


def _parts(hospital: str, count: int) -> Iterator[bytes]:
    """The roster as events, its people with the first part."""
    now = datetime.now(SHANGHAI)
    people: dict[str, Any] = {
        "hospital": {"code": hospital, "version": 1, "name": "测量示范医院"},
        "departments": [{"code": f"d{n}", "version": 1, "name": f"科室 {n}"} for n in range(DEPARTMENTS)],
        "doctors": [_doctor(n) for n in range(DOCTORS)],
    }
    of, total = ids.mint("x"), -(-count // SESSIONS_PER_PART)
    for number in range(total):
        numbers = range(number * SESSIONS_PER_PART, min(count, (number + 1) * SESSIONS_PER_PART))
        data = {
            "sessions": [_session(n, now.date()) for n in numbers],
            "part": {"of": of, "number": number + 1, "count": total},
        }
        yield seal("roster_published", hospital, data | (people if number == 0 else {}), id=f"{of}-{number}", time=now)


def _doctor(number: int) -> dict[str, Any]:
    department = f"d{number % DEPARTMENTS}"
    return {"code": f"D{number}", "version": 1, "name": f"医生 {number}", "title": "主治医师", "department": department}


def _session(number: int, today: date) -> dict[str, Any]:
    """Each doctor has a morning and an afternoon a day."""
    half_days, doctor = divmod(number, DOCTORS)
    day = today + timedelta(days=7 + half_days // 2)
    start = datetime.combine(day, clock_time(_AFTERNOON if half_days % 2 else _MORNING), SHANGHAI)
    times = [(start + timedelta(minutes=30 * n)).isoformat() for n in range(SLOTS + 1)]
    return {
        "code": f"S{number}",
        "version": 1,
        "doctor": f"D{doctor}",
        "date": day.isoformat(),
        "period": "afternoon" if half_days % 2 else "morning",
        "room": f"{doctor} 诊室",
        "fee": {"amount": 5000, "currency": "CNY"},
        "release_at": (start - timedelta(days=7)).isoformat(),
        "slots": [{"starts_at": a, "ends_at": b, "capacity": 10} for a, b in itertools.pairwise(times)],
    }
