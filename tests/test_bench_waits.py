"""What measures the waiting times measures rightly: the loop in plain Python, the days of the study, and what is written of them."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from haoyuan_waiting import simulate
from haoyuan_waiting.line import Line, ServiceTime

from bench import waits, waits_report, waits_study
from bench.clinics import CLINICS, Day, at_desks, day, in_line
from bench.plain import Arrival, Place, Played, Rules, play
from bench.waits_study import Moment, coverage, study

PAGE = Path(__file__).parent.parent / "docs/waiting.md"


# --- the rule, in plain Python -------------------------------------------------------------------------------------------------


def arrivals(keys: str) -> list[Arrival]:
    return [Arrival(key, 0, Place(n, 0, n)) for n, key in enumerate(keys)]


def rules(absent: str = "", passed: Sequence[int] = (2, 2)) -> Rules:
    """Consultations of ten seconds; `absent` has an x for each call that finds nobody."""
    calls = list(absent)
    return Rules(lambda _desk: 10, lambda: bool(calls) and calls.pop(0) == "x", 1, passed)


def told(played: Played) -> list[tuple[str, float]]:
    return [(call.key, call.at) for call in played.calls]


def test_two_desks_call_the_smallest_place_of_those_who_are_there():
    late = Arrival("urgent", 12, Place(-5, 12, 9))
    calls = play([*arrivals("abcde"), late], [0, 4], rules())
    assert told(calls) == [("a", 0), ("b", 4), ("c", 10), ("urgent", 14), ("d", 20), ("e", 24)]


def test_a_desk_without_patients_waits_for_the_next():
    assert told(play([Arrival("a", 30, Place(0, 0, 0))], [0], rules())) == [("a", 30)]
    assert play(arrivals("a"), [], rules()) == ([], [])


@pytest.mark.parametrize(
    ("passed", "absent", "order"),
    [
        ((2, 2), "x--x--x-", "abcadeaf"),
        ((0,), "x-----x", "abcdefa"),
        ((9,), "x-----x", "abcdefa"),
        ((), "x-----", "abcdef"),
        ((1, 1), "x-x-x---", "abacadef"),
        ((2,), "xx------", "abcabdef"),  # the newer one stands directly behind c, before the older
    ],
    ids=str,
)
def test_who_is_not_there_is_put_behind_so_many_and_after_the_last_time_called_no_more(passed, absent, order):
    calls = play(arrivals("abcdef"), [0], rules(absent, passed)).calls
    assert "".join(call.key for call in calls) == order


@pytest.mark.parametrize(
    ("places", "order"), [(1, "abcdeabcf"), (0, "abcdabcef"), (9, "abcdefabc")], ids=["one", "before", "after"]
)
def test_who_comes_back_from_an_examination_stands_behind_so_many(places, order):
    """Of a, b and c, who are back at 35, 45 and 55."""
    away = iter([25.0, 25.0, 25.0] + [0.0] * 3)
    played = play(arrivals("abcdef"), [0], replace(rules(), away=lambda: next(away), return_places=places))
    assert "".join(call.key for call in played.calls) == order
    assert [(one.key, one.at) for one in played.returns] == [("a", 35), ("b", 45), ("c", 55)]
    assert [call.key for call in played.calls if call.second] == list("abc")


def test_who_comes_back_waits_for_her_own_desk_while_the_other_one_goes_on():
    away = iter([5.0, 0.0, 0.0, 0.0, 0.0])
    takes = iter([10, 40, 30, 10, 10, 7])
    played = play(
        arrivals("abcd"),
        [0, 1],
        replace(rules(), takes=lambda _desk: next(takes), away=lambda: next(away), return_places=0, second=0.5),
    )
    assert [(c.key, c.desk, c.at, c.until) for c in played.calls] == [
        ("a", 0, 0, 10),
        ("b", 1, 1, 41),
        ("c", 0, 10, 40),
        ("a", 0, 40, 45),
        ("d", 1, 41, 51),
    ]


def test_who_goes_home_is_not_called():
    line = [replace(one, leaves=15 if one.key == "c" else float("inf")) for one in arrivals("abcd")]
    assert told(play(line, [0], rules())) == [("a", 0), ("b", 10), ("d", 20)]
    assert told(play([replace(one, leaves=25) for one in line], [0], rules("x--x", (1,)))) == [
        ("a", 0),
        ("b", 1),
        ("a", 11),
        ("c", 21),
        ("d", 22),
        ("c", 32),
    ], "who has been called stays"


# --- all runs at once are many times one run ----------------------------------------------------------------------------------


@pytest.mark.parametrize("doctors", [1, 2, 4])
def test_run_by_run_the_simulation_is_the_loop_on_the_same_numbers(doctors, monkeypatch):
    line, runs = replace(waits.busy_line(doctors), absent=0.0), 30
    blocks: list[np.ndarray] = []
    drawn = simulate.Desks._draw
    monkeypatch.setattr(simulate.Desks, "_draw", lambda self: blocks.append(drawn(self)) or blocks[-1])
    rng = np.random.Generator(np.random.PCG64(3))
    came, column = simulate._by_place(*simulate._arrivals(line, runs, rng))
    desks = simulate.Desks(line.servers, runs, rng)
    free = (desks._by_desk >> desks.BITS).copy()
    nobody = np.zeros(came.shape, dtype=bool)
    called = simulate._play(came.copy(), column < len(line.customers), nobody, np.int32(0), desks)
    takes = np.concatenate(blocks)
    for run in range(runs):
        coming = [(n, at) for n, at in enumerate(came[run].tolist()) if at < simulate.NEVER]
        calls = iter(range(len(coming)))
        loop = Rules(
            lambda desk, run=run, calls=calls: int(takes[next(calls), desk * runs + run]), lambda: False, 0, ()
        )
        for call in play([Arrival(str(n), at, Place(n, 0, n)) for n, at in coming], free[:, run].tolist(), loop).calls:
            if column[run, int(call.key)] < len(line.customers):
                assert called[run, int(call.key)] == call.at, (run, call)


@pytest.mark.parametrize(("absent", "examined"), [(0.0, 0.0), (0.05, 0.0), (0.0, 0.25)])
def test_the_loop_with_its_own_luck_says_the_same(absent, examined):
    """Within four and a half standard errors of both."""
    line = replace(waits.busy_line(3), absent=absent, examined=examined, examination=ServiceTime(7, 0.4), second=0.7)
    certain = tuple(replace(s, service=replace(s.service, learnt_from=float("inf"))) for s in line.servers)
    line, runs = replace(line, servers=certain), 250
    one_by_one = waits.in_plain_python(line, runs, seed=5)
    at_once = simulate.waits(line, 2000, seed=5)
    for key in ("here 0", "here 5", "here 30", "here 59", "due 0", "due 6", "due 39"):
        found = one_by_one[key]
        error = float(np.std(found)) / len(found) ** 0.5
        assert abs(at_once.of(key).mean - float(np.mean(found))) < 4.5 * error * 1.1, key
        share = float(np.mean([at_once.of(key).low <= each <= at_once.of(key).high for each in found]))
        assert abs(share - 0.8) < 4.5 * (0.16 / len(found)) ** 0.5, key


def test_the_measurement_has_a_goal_and_stands_beside_the_loop():
    figures = waits.measure(2)
    assert [len(figure.values) for figure in figures] == [2, 2, 2, 2, 2]
    assert all(figure.met in {True, False} for figure in figures[:4]), "whether it is met is the machine's affair"
    assert figures[4].goal is None or not figures[4].goal
    assert all(f"{simulate.RUNS} runs, as booking-svc makes" in figure.notes[0] for figure in figures)
    assert all(figure.ratio is not None and figure.ratio < 1 for figure in figures)


# --- days ------------------------------------------------------------------------------------------------------------------------


def little(today: Day) -> tuple[float, float]:
    """Patient seconds in the line, summed over time, and summed over patients."""
    times = sorted(
        {at for a in today.arrivals for at in (a.came, a.leaves) if at < float("inf")}
        | {at for c in today.calls for at in (c.at, c.until)}
        | {one.at for one in today.returns}
    )
    over_time = sum(len(in_line(today, (a + b) / 2)) * (b - a) for a, b in pairwise(times))
    over_patients = 0.0
    for one in today.arrivals:
        since, calls = one.came, [call for call in today.calls if call.key == one.key]
        if not calls:
            over_patients += one.leaves - one.came
        for call in calls:
            since = next((back.at for back in today.returns if call.second and back.key == one.key), since)
            over_patients += max(call.at - since, 0)
            since = call.until
    return over_time, over_patients


@pytest.mark.parametrize("clinic", CLINICS, ids=lambda clinic: clinic.key)
def test_littles_law_holds_on_every_day(clinic):
    for seed in range(3):
        over_time, over_patients = little(day(clinic, random.Random(seed)))
        assert over_time == pytest.approx(over_patients)
        assert over_time > 0


@pytest.mark.parametrize("clinic", CLINICS, ids=lambda clinic: clinic.key)
def test_a_day_calls_everybody_once_but_those_who_were_not_there(clinic):
    today = day(clinic, random.Random(1))
    found = [call.key for call in today.calls if call.found and not call.second]
    assert len(found) == len(set(found))
    assert {one.key for one in today.arrivals if one.leaves == float("inf")} <= set(today.first)
    assert all(today.first[one.key] < one.leaves for one in today.arrivals if one.key in today.first)
    sent = [call.key for call in today.calls if call.sent]
    assert sorted(one.key for one in today.returns) == sorted(sent)
    assert sorted(call.key for call in today.calls if call.second) == sorted(sent)
    assert bool(sent) is bool(clinic.examined)
    assert all(call.at >= 0 for call in today.calls)
    for desk in range(len(clinic.doctors)):
        mine = [call for call in today.calls if call.desk == desk]
        assert all(a.until <= b.at for a, b in pairwise(mine))


def test_a_moment_knows_what_was_and_nothing_that_comes():
    """What comes after a moment changes nothing of the line that is seen then."""
    luck = random.Random(4)
    clinic = replace(CLINICS[1], examined=0.3)
    today = day(clinic, luck)
    known = waits_study.learn([day(clinic, luck)])
    for now in (-600.0, 0.0, 4000.0, 9000.0):
        past = replace(
            today,
            arrivals=tuple(one for one in today.arrivals if one.came <= now),
            calls=tuple(replace(call, until=min(call.until, now + 1)) for call in today.calls if call.at <= now),
            returns=tuple(one for one in today.returns if one.at <= now),
            appointments=tuple(
                one if one.after is None or one.segment + one.after <= now else replace(one, after=None)
                for one in today.appointments
            ),
        )
        assert waits_study.line_at(past, known, now) == waits_study.line_at(today, known, now)
        assert len([busy for busy in at_desks(today, now) if busy[0] is not None]) <= 3


# --- the study -------------------------------------------------------------------------------------------------------------------


def errors(moments: Sequence[Moment]) -> tuple[float, float]:
    """The share that held, and its standard error: the binomial one, doubled since waits of one day go together."""
    held = waits_report.held(moments, "simulated")
    return sum(held) / len(held), 2 * (0.16 / len(held)) ** 0.5


def quick() -> list[Moment]:
    return [moment for clinic in CLINICS for moment in study(clinic, 5, seed=1)]


def test_intervals_hold_as_often_as_they_say():
    share, error = errors(quick())
    assert abs(share - 0.8) < 3 * error


def test_a_model_that_is_too_sure_is_found_out(monkeypatch):
    learn = waits_study.learn

    def too_sure(days: Sequence[Day]) -> waits_study.Known:
        known = learn(days)
        return replace(known, services=tuple(replace(s, sigma=s.sigma / 3, learnt_from=1e9) for s in known.services))

    monkeypatch.setattr(waits_study, "learn", too_sure)
    share, error = errors(quick())
    assert share < 0.8 - 3 * error


def test_a_promise_to_one_who_is_never_called_counts_once_it_is_broken():
    """She went home: after the time that she had been told, or before, of which nobody knows."""
    luck = random.Random(2)
    today = day(CLINICS[2], luck)
    known = waits_study.learn([day(CLINICS[2], luck)])
    now, key = next(
        (a.came, a.key) for a in today.arrivals if a.came > 3600 and today.first.get(a.key, 0) > a.came + 900
    )
    first = {other: at for other, at in today.first.items() if other != key}
    for stayed, called in ((90_000.0, False), (10.0, None)):
        arrivals = tuple(replace(a, leaves=a.came + stayed) if a.key == key else a for a in today.arrivals)
        moment = waits_study._moment(replace(today, arrivals=arrivals, first=first), known, now, key, 0)
        assert (moment and moment.called) is called
        assert moment is None or not waits_study.holds(moment, moment.simulated)


def test_the_error_of_a_share_grows_if_whole_days_go_together():
    moment = study(CLINICS[0], 1)[0]
    apart = [replace(moment, day=n) for n in range(100)]
    together = [replace(moment, day=n // 10) for n in range(100)]
    held = [n // 10 % 2 == 0 for n in range(100)]
    assert coverage(apart, held) == pytest.approx((0.5, 0.05))
    assert coverage(together, held) == pytest.approx((0.5, 0.05 * 10**0.5))


def test_erlangs_quantiles_are_those_of_the_exponential_and_of_the_many():
    assert waits_study._erlang_quantile(1, 0.9) == pytest.approx(2.302585, abs=1e-5)
    assert waits_study._erlang_quantile(100, 0.5) == pytest.approx(99.6669, abs=1e-3)


def test_the_command_writes_the_page_and_the_same_plots_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(waits_report, "CLINICS", CLINICS[3:4])
    (tmp_path / "waiting.md").write_text(f"before\n{waits_report.BEGIN}\nold\n{waits_report.END}\nafter\n")
    code = waits_report.main(["--days", "20", "--docs", str(tmp_path)])
    page = (tmp_path / "waiting.md").read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "old" not in page
    assert (code == 1) is ("MISSED" in capsys.readouterr().out)
    plot = tmp_path / "waiting/bones.svg"
    first = plot.read_bytes()
    waits_report.plot(CLINICS[3], study(CLINICS[3], 20), plot)
    assert plot.read_bytes() == first
    (tmp_path / "waiting.md").write_text("no marks")
    with pytest.raises(ValueError, match="substring"):
        waits_report.write("x", tmp_path / "waiting.md")


def test_the_page_tells_of_every_clinic_that_its_intervals_hold():
    page = PAGE.read_text(encoding="utf-8")
    studied = page[page.index(waits_report.BEGIN) : page.index(waits_report.END)]
    rows = {key: float(share) for key, share in re.findall(r"\(waiting/(\w+)\.svg\).*?\*\*([\d.]+) %", studied)}
    assert set(rows) == {clinic.key for clinic in CLINICS}
    assert all(76 <= share <= 84 for share in rows.values())
    assert all((PAGE.parent / "waiting" / f"{clinic.key}.svg").is_file() for clinic in CLINICS)
    assert all(f"](waiting/{clinic.key}.svg)" in page[page.index(waits_report.END) :] for clinic in CLINICS)


def test_a_line_that_nobody_serves_is_no_error_of_the_loop():
    assert waits.in_plain_python(Line((), waits.busy_line(1).customers), 1, 0)["here 0"] == []
