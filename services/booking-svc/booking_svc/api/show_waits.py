"""Waits and plans as the API shows them: whole seconds, hours for rates."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from math import ceil, floor
from typing import Any

from common.clock import local
from haoyuan_waiting import service
from haoyuan_waiting.line import ServiceTime
from haoyuan_waiting.planner import Compared, Errors, Outcome, Staffing

from booking_svc.store.waits import Coverage
from booking_svc.usecases.waiting.backtest import KNOWN, BackTest, Figures, Tested
from booking_svc.usecases.waiting.estimating import Wait
from booking_svc.usecases.waiting.load import SessionLoad
from booking_svc.usecases.waiting.models import SIMULATION_ASSUMES, Steadily
from booking_svc.usecases.waiting.planning import Answer, Plan, Question
from booking_svc.usecases.waiting.reasons import Moved

HOUR = 3600
MEANT = 0.8
"""How often an interval is to hold."""
LOW, HIGH = 0.1, 0.9
_LONG_RUN = ("utilisation", "L", "Lq", "W", "Wq")
"""What only models of the steady state know; the simulation is of this day."""
PLAN_ASSUMES = ("one_line", "log_normal_service", "independent_service", "doctors_begin_in_time", "everybody_is_seen")
"""What the planner takes for granted: stable codes."""


def show_wait(wait: Wait) -> dict[str, Any]:
    low, high, expected = floor(wait.estimate.low), ceil(wait.estimate.high), round(wait.estimate.mean)
    simulated = {"model": "simulation", "assumes": SIMULATION_ASSUMES, "refused": None, **dict.fromkeys(_LONG_RUN)}
    return {
        "visit_id": wait.visit.id,
        "queue_id": wait.visit.queue_id,
        "ticket": wait.visit.ticket,
        "state": "expected" if wait.given != "here" else wait.visit.state,
        "at": local(wait.at),
        "given": wait.given,
        "position": None if wait.given == "in_time" else wait.ahead + 1,
        "ahead": wait.ahead,
        "expected": expected,
        "low": low,
        "high": high,
        **{
            f"{n}_at": local(wait.at + timedelta(seconds=s))
            for n, s in (("expected", expected), ("low", low), ("high", high))
        },
        "moved": _moved(wait.moved) if wait.moved else None,
        "coverage": show_coverage(wait.visit.department_id, wait.coverage),
        "models": [{**simulated, "expected": expected, "low": low, "high": high}, *show_models(wait.steady)],
    }


def _moved(moved: Moved) -> dict[str, Any]:
    return {
        "since": local(moved.since),
        "seconds": round(moved.seconds),
        "reasons": [{"code": code, "count": count} for code, count in moved.reasons.items()],
    }


def show_coverage(department_id: str, found: Coverage | None) -> dict[str, Any]:
    return {
        "department_id": department_id,
        "share": round(found.held / found.count, 3) if found and found.count else None,
        "count": found.count if found else 0,
        "since": local(found.since) if found and found.since else None,
        "left": found.left if found else 0,
        "meant": MEANT,
    }


def show_models(steady: Sequence[Steadily]) -> list[dict[str, Any]]:
    return [_model(each) for each in steady]


def _model(each: Steadily) -> dict[str, Any]:
    shown = {"model": each.model, "assumes": each.assumes, "refused": each.refused, "utilisation": each.utilisation}
    s = each.steady
    names = (*_LONG_RUN[1:], "expected", "low", "high")
    values = (s.L, s.Lq, s.W, s.Wq, s.Wq, s.quantile(LOW), s.quantile(HIGH)) if s else (None,) * len(names)
    return shown | dict(zip(names, values, strict=True))


def show_load(load: SessionLoad) -> dict[str, Any]:
    seen = load.observed
    return {
        "session_id": load.session_id,
        "since": local(load.since),
        "until": local(load.until),
        "desks": load.desks,
        "observed": {
            "arrived": seen.arrived,
            "called": load.waits.done,
            "waiting": load.waits.still,
            "arrival_rate": seen.arrival_rate * HOUR if seen.arrived and seen.arrival_rate else None,
            "utilisation": seen.utilisation,
            **{name: getattr(seen, name) if seen.arrived else None for name in ("L", "Lq", "W", "Wq")},
            "Wq_p50": load.waits.p50,
            "Wq_p90": load.waits.p90,
        },
        "models": show_models(load.models),
    }


# --- the planner -----------------------------------------------------------------------------------------------------


def show_planned(answer: Answer, question: Question) -> dict[str, Any]:
    base, *others = answer.compared
    named = zip(question.alternatives, others, strict=True)
    return {
        "runs": question.runs,
        "used": _used(answer.plan),
        "base": show_outcome(base.outcome),
        "alternatives": [_compared(alternative.name, compared) for alternative, compared in named],
        "staffing": _staffing(answer.staffing) if answer.staffing else None,
        "assumes": PLAN_ASSUMES,
    }


def show_outcome(outcome: Outcome) -> dict[str, Any]:
    return {name: None if value is None else round(value, 3) for name, value in asdict(outcome).items()}


def _compared(name: str, compared: Compared) -> dict[str, Any]:
    return {
        "name": name,
        **show_outcome(compared.outcome),
        "wait_change": asdict(compared.wait) if compared.wait else None,
        "overtime_change": asdict(compared.overtime),
        "idle_change": asdict(compared.idle),
    }


def _staffing(staffing: Staffing) -> dict[str, Any]:
    return {
        "target_p90": staffing.target,
        "doctors": staffing.doctors,
        "most_doctors": staffing.most,
        "best_p90": staffing.best.wait_p90,
        "tried": [show_outcome(each) for each in staffing.tried],
    }


def _used(plan: Plan) -> dict[str, Any]:
    day = plan.day
    return {
        "sessions": plan.sessions,
        "segments": [{"starts": s.starts / 60, "appointments": s.appointments} for s in day.segments],
        "minutes": day.length / 60,
        "doctors": [_doctor(doctor) for doctor in day.doctors],
        "another_doctor": _doctor(plan.more),
        "no_show": day.no_show,
        "late_minutes": day.punctuality.mean / 60,
        "late_spread_minutes": day.punctuality.sd / 60,
        "unannounced": [{"per_hour": s.rate * HOUR, "ahead": s.ahead} for s in day.streams],
        "discipline": "priority" if day.by_segment else "fifo",
        "learnt_from": plan.visits,
    }


def _doctor(doctor: ServiceTime) -> dict[str, Any]:
    return {"minutes": service.mean(doctor) / 60, "cv": service.cv2(doctor) ** 0.5}


def show_back_test(department_id: str, found: BackTest) -> dict[str, Any]:
    return {
        "department_id": department_id,
        "sessions": [_tested(each) for each in found.sessions],
        "more": found.more,
        "known": list(KNOWN),
        **{name: _errors(getattr(found, name)) for name in ("seen", "wait_p90", "overtime")},
    }


def _tested(each: Tested) -> dict[str, Any]:
    low, high = each.band
    return {
        "session_id": each.session.session_id,
        "date": each.session.date,
        "period": each.session.period,
        "doctors": each.doctors,
        "said": _figures(each.said),
        "low": round(low, 1),
        "high": round(high, 1),
        "happened": _figures(each.happened),
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {name: round(value, 1) for name, value in asdict(figures).items()}


def _errors(errors: Errors | None) -> dict[str, Any] | None:
    if errors is None:
        return None
    return {
        "sessions": errors.days,
        "bias": round(errors.bias, 2),
        "mean_absolute": round(errors.mean_absolute, 2),
        "within": None if errors.within is None else round(errors.within, 3),
    }
