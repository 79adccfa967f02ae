"""A rule set in the words that a patient reads, zh-CN and en, made of the record that is enforced.

Each sentence has the path of its rule, with which a refusal begins too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from schedule_svc.rules.deadlines import OFFER_SHARE
from schedule_svc.rules.ruleset import Clinic, Deadline, Limit, Penalty, RuleSet, Window


@dataclass(frozen=True, slots=True)
class Sentence:
    """One rule in words: its path, 中文, English."""

    rule: str
    zh: str
    en: str


def in_words(rules: RuleSet) -> list[Sentence]:
    """All that a rule set says; what it leaves out (no cool-down, no penalty) is not mentioned."""
    return [
        *(_limit(f"limits[{i}]", limit) for i, limit in enumerate(rules.limits)),
        *_window(rules.window),
        *_numbers(rules),
        *_freed(rules),
        *_waitlist(rules),
        *(_penalty(f"penalties[{i}]", penalty) for i, penalty in enumerate(rules.penalties)),
        *_weights(rules),
        *_check_in(rules.clinic),
        *_line(rules.clinic),
    ]


_OF = {
    "session": ("同一场出诊", "in one session"),
    "doctor": ("同一医生", "with one doctor"),
    "department": ("同一科室", "in one department"),
    "hospital": ("本院", "in this hospital"),
}
_PER = {
    "period": ("同一时段（上午、下午或晚上）", "in one period (morning, afternoon, evening) of a day"),
    "day": ("同一天", "on one day"),
    "week": ("同一周（周一至周日）", "in one week, Monday to Sunday"),
    "month": ("同一自然月", "in one calendar month"),
    "quarter": ("同一季度", "in one quarter of the year"),
}


def _limit(path: str, limit: Limit) -> Sentence:
    of, per = _OF[limit.of], _PER[limit.per]
    zh, en = f"{limit.most} 个号", _many(limit.most, "number")
    if limit.counting == "departments":
        zh, en = f"{limit.most} 个科室", _many(limit.most, "department")
    return Sentence(
        path,
        f"每位就诊人在{of[0]}、{per[0]}就诊，最多 {zh}；候补和参加抽签的也计算在内，已取消的不计。",
        f"Each patient may have at most {en} {of[1]} for visits {per[1]}. Places on a waitlist and entries to a draw "
        "count too; what was given back does not.",
    )


def _window(window: Window) -> Iterator[Sentence]:
    if window.days_ahead is None:
        yield Sentence(
            "window.days_ahead",
            "放号时间以每场出诊公布的为准。",
            "Each session says when its numbers are released.",
        )
    else:
        yield Sentence(
            "window.days_ahead",
            f"最早可在就诊日前 {window.days_ahead} 天的 {window.opens_at} 起预约，且不早于该场出诊的放号时间。",
            f"Booking opens at {window.opens_at}, {_many(window.days_ahead, 'day')} before the day of the visit, and not "
            "before the session's own release.",
        )
    if window.closes is not None:
        zh, en = deadline_in_words(window.closes)
        yield Sentence("window.closes", f"预约截止时间：{zh}。", f"Booking closes {en}.")


def _numbers(rules: RuleSet) -> Iterator[Sentence]:
    zh, en = deadline_in_words(rules.cancel)
    yield Sentence(
        "cancel",
        f"退号截止时间：{zh}；该场出诊另有公布的，以其为准。",
        f"A number can be given back {en} at the latest, unless the session says otherwise.",
    )
    zh, en = _duration(rules.hold_minutes * 60)
    yield Sentence(
        "hold_minutes",
        f"取号后请在 {zh}内支付，逾期未支付的号将收回。",
        f"A number is held for {en} until it is paid; then it goes to others.",
    )
    for path, seconds, after_zh, after_en in (
        (
            "cool_down.unpaid_seconds",
            rules.cool_down.unpaid_seconds,
            "取消未支付的号或逾期未支付",
            "a number was given up unpaid",
        ),
        (
            "cool_down.confirmed_seconds",
            rules.cool_down.confirmed_seconds,
            "退掉已支付的号",
            "a paid number was given back",
        ),
    ):
        if seconds:
            zh, en = _duration(seconds)
            yield Sentence(
                path,
                f"{after_zh}后，{zh}内不能再预约同一医生。",
                f"After {after_en}, the same doctor cannot be booked again for {en}.",
            )


def _freed(rules: RuleSet) -> Iterator[Sentence]:
    least, most = _duration(rules.rest.least_seconds), _duration(rules.rest.most_seconds)
    yield Sentence(
        "rest",
        f"退回的号先给候补的人；无人候补时，在 {least[0]}至 {most[0]}之间的随机时间后重新放出。",
        f"A number that comes back goes to those on the waitlist; with nobody waiting it is public again after a random "
        f"time between {least[1]} and {most[1]}.",
    )
    if rules.asides_end_hours:
        zh, en = _duration(rules.asides_end_hours * 3600)
        yield Sentence(
            "asides_end_hours",
            f"为转诊、窗口和复诊预留而未用的号，在开诊前 {zh}向所有人开放。",
            f"Numbers that are set aside for referrals, the counter and follow-ups and not used are open to all from {en} "
            "before the session.",
        )


def _waitlist(rules: RuleSet) -> Iterator[Sentence]:
    zh, en = deadline_in_words(rules.waitlist.closes)
    yield Sentence(
        "waitlist.closes",
        f"候补截止时间：{zh}；此后不再递补。",
        f"The waitlist closes {en}; after that nobody on it gets a number.",
    )
    least = _duration(rules.waitlist.offer_least_minutes * 60)
    most = _duration(rules.waitlist.offer_most_minutes * 60)
    yield Sentence(
        "waitlist.offer",
        f"候补轮到而未授权自动预约的，可在距开诊剩余时间的 1/{OFFER_SHARE} 内确认，最短 {least[0]}，最长 {most[0]}。",
        f"Who waits and has not asked to be booked automatically has 1/{OFFER_SHARE} of the time that is left until the "
        f"session to accept a number: at least {least[1]}, at most {most[1]}.",
    )


def _penalty(path: str, penalty: Penalty) -> Sentence:
    span_zh, span_en = "一个自然年内", "in a calendar year"
    if penalty.within_days is not None:
        span_zh, span_en = f"{penalty.within_days} 天内", f"within {_many(penalty.within_days, 'day')}"
    what_zh, what_en = "爽约", _many(penalty.count, "missed visit")
    if penalty.notice_hours is not None:
        what_zh = f"临时退号（距就诊不足 {penalty.notice_hours} 小时）"
        what_en = f"{_many(penalty.count, 'cancellation')} with less than {_many(penalty.notice_hours, 'hour')} notice"
    of_zh, of_en = ("在本院", " in this hospital") if penalty.of == "hospital" else ("在本平台各医院", "")
    return Sentence(
        path,
        f"{span_zh}{of_zh}{what_zh}满 {penalty.count} 次，自最后一次起 {penalty.blocked_days} 天内不能预约；急诊不受影响，停诊不计。",
        f"After {what_en}{of_en} {span_en}, no booking for {_many(penalty.blocked_days, 'day')} from the last one. "
        "Urgent care is never barred, and a session that the hospital stopped never counts.",
    )


def _weights(rules: RuleSet) -> Iterator[Sentence]:
    weights, referral = rules.weights, rules.weights.referral
    yield Sentence(
        "weights",
        f"加权抽签的权重：基础 {weights.base}；信用良好加 {weights.clean_credit}；复诊加 {weights.follow_up}；医生转诊加"
        f" {referral.routine}（一般）、{referral.soon}（尽快）或 {referral.urgent}（紧急）。",
        f"Weights in a weighted draw: {weights.base} for everybody, {weights.clean_credit} more with a clean credit record, "
        f"{weights.follow_up} more for a follow-up; with a doctor's referral {referral.routine} (routine), {referral.soon} "
        f"(soon) or {referral.urgent} (urgent) more.",
    )
    yield Sentence(
        "follow_up_days",
        f"就诊前 {rules.follow_up_days} 天内看过同一医生的，为复诊。",
        f"A visit is a follow-up if the patient had a number of the same doctor in the {_many(rules.follow_up_days, 'day')} "
        "before it.",
    )


def _check_in(clinic: Clinic) -> Iterator[Sentence]:
    zh, en = _appointment(-clinic.early_minutes)
    yield Sentence("clinic.early_minutes", f"自{zh}起可以报到。", f"Who has an appointment may check in from {en}.")
    zh, en = "在医院门口输入屏幕显示的号码，或到窗口", "with the code at the hospital's door, or at the desk"
    if clinic.place is not None:
        metres = clinic.place.within_metres
        zh, en = (
            f"在医院 {metres} 米内用手机定位，或{zh}",
            f"by a phone within {_many(metres, 'metre')} of the hospital, {en}",
        )
    yield Sentence("clinic.place", f"报到方式：{zh}。", f"One checks in {en}.")
    zh, en = _appointment(clinic.grace_minutes)
    yield Sentence(
        "clinic.grace_minutes",
        f"晚于{zh}报到的为迟到，按报到时间排队。",
        f"Who checks in later than {en} is late and stands in line from then on.",
    )
    zh, en = _appointment(clinic.late_minutes)
    yield Sentence(
        "clinic.late_minutes",
        f"晚于{zh}且该时段已结束的，不能再报到，号作废，费用全额退还，不计爽约。",
        f"Later than {en}, and after it has ended, the number is void and its fee goes back; that is no missed visit.",
    )
    zh, en = _duration(clinic.close_minutes * 60)
    yield Sentence(
        "clinic.close_minutes",
        f"出诊结束 {zh}后仍未报到的，按爽约处理。" if clinic.close_minutes else "出诊结束时仍未报到的，按爽约处理。",
        f"Who has not come {en} after the end of the session has missed the visit."
        if clinic.close_minutes
        else "Who has not come by the end of the session has missed the visit.",
    )


def _line(clinic: Clinic) -> Iterator[Sentence]:
    yield _discipline(clinic)
    steps_zh = "，".join(f"第 {i} 次{_back(places)[0]}" for i, places in enumerate(clinic.passed, 1))
    steps_en = ", then ".join(_back(places)[1] for places in clinic.passed)
    yield Sentence(
        "clinic.passed",
        f"叫号未到：{steps_zh}；再次未到按爽约处理。" if steps_zh else "叫号未到的，按爽约处理。",
        f"Who does not come when called goes {steps_en}; the next time counts as a missed visit."
        if steps_en
        else "Who does not come when called has missed the visit.",
    )
    after = clinic.return_places
    yield Sentence(
        "clinic.return_places",
        f"做完检查回来的，在 {after} 位之后叫到。" if after else "做完检查回来的，下一个叫到。",
        f"Who comes back from an examination is called after {_many(after, 'other')}."
        if after
        else "Who comes back from an examination is called next.",
    )
    yield Sentence(
        "clinic.near",
        f"前面只剩 {clinic.near} 位时发出提醒。",
        f"A patient is told when {'one is' if clinic.near == 1 else f'{clinic.near} are'} left before her.",
    )


def _discipline(clinic: Clinic) -> Sentence:
    path = "clinic.discipline"
    if clinic.discipline == "fifo":
        return Sentence(path, "按报到先后叫号。", "Patients are called in the order in which they checked in.")
    ahead = (clinic.emergency_ahead_minutes, clinic.priority_ahead_minutes, clinic.appointment_ahead_minutes)
    (first, second, third) = (_duration(minutes * 60) for minutes in ahead)
    return Sentence(
        path,
        "预约的按时段、同一时段按报到先后叫号，现场取号的按取号时间。依类别提前计算："
        f"急危重症 {first[0]}，老人、孕妇、军人、残疾人等优先 {second[0]}，预约 {third[0]}；"
        "提前有限，先来的人不会一直被推后。优先的原因在屏幕上公示，不能购买。",
        "Appointments go by their segment and within it by check-in, walk-ins by when they came. Each class counts as that "
        f"much earlier: emergencies {first[1]}, priority (elderly, pregnant, military, disabled) {second[1]}, appointments "
        f"{third[1]}. So nobody is put off for ever. Why somebody has priority is shown on the board; it cannot be bought.",
    )


def _back(places: int) -> tuple[str, str]:
    return (f"退后 {places} 位", f"back {_many(places, 'place')}") if places else ("排到最后", "to the end of the line")


def _appointment(minutes: int) -> tuple[str, str]:
    """So many minutes after the appointment, or, below 0, before it."""
    zh, en = _duration(abs(minutes) * 60)
    if minutes == 0:
        return "预约时段开始", "the time of the appointment"
    if minutes < 0:
        return f"预约时段开始前 {zh}", f"{en} before the appointment"
    return f"预约时段开始后 {zh}", f"{en} after the appointment"


def deadline_in_words(deadline: Deadline) -> tuple[str, str]:
    """中文 and English: (就诊前一日 15:30, at 15:30 on the day before the visit)."""
    if deadline.hours is not None:
        zh, en = _duration(round(deadline.hours * 3600))
        return f"开诊前 {zh}", f"{en} before the session"
    if deadline.workdays is not None:
        days, which_zh, which_en = deadline.workdays, "个工作日", "workday"
    else:
        days, which_zh, which_en = deadline.days or 0, "日", "day"
    if days == 0:
        return f"就诊当日 {deadline.at}", f"at {deadline.at} on the day of the visit"
    if days == 1:
        return f"就诊前一{which_zh} {deadline.at}", f"at {deadline.at} on the {which_en} before the visit"
    return f"就诊前第 {days} {which_zh} {deadline.at}", f"at {deadline.at}, {days} {which_en}s before the visit"


def _duration(seconds: int) -> tuple[str, str]:
    for size, zh, en in ((3600, "小时", "hour"), (60, "分钟", "minute")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {zh}", _many(seconds // size, en)
    return f"{seconds} 秒", _many(seconds, "second")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")
