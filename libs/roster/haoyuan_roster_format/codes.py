"""Every code by which something is said of a row, and what it means. Codes are for programs and never change."""

CODES: dict[str, str] = {
    "invalid": "A field is missing, unknown, of the wrong type or out of range; `path` names it. Of a whole event: it is no JSON, or no CloudEvent.",
    "bad_encoding": "Not UTF-8: a byte order mark, UTF-16, GBK (GB 18030), stray bytes, or half of a surrogate pair in a text.",
    "bad_time": "No time of RFC 3339 with its zone: 25:00, or no `+08:00`.",
    "bad_date": "No date: 2026-02-30.",
    "bad_times": "A slot ends before it starts, a time lies outside of 2000 to 2099, or numbers are released or can be given back only after the end.",
    "wrong_date": "The slots do not lie on the session's `date`, Beijing time.",
    "slots_overlap": "Two slots of the session overlap.",
    "blocked_above_capacity": "More numbers are blocked than there are.",
    "quota_above_capacity": "More numbers are blocked and set aside than there are.",
    "bad_draw": "`draw_at` is missing for a draw, is there without one, or does not lie between the release and the first slot; or patients have entered the draw, so that its time stays, and these slots begin before it.",
    "duplicate": "The code stands in this roster before; the first row counts.",
    "unknown_doctor": "The hospital has no such doctor yet. The row is kept.",
    "unknown_department": "The hospital has no such department yet. The row is kept.",
    "unknown_session": "The hospital has no such session yet. What is said of it is kept.",
    "conflict": "This version is known with other content, which stays. Send a greater version.",
    "bad_window": "`window` and `as_of` do not stand together, or the window ends before it starts.",
    "bad_part": "The part's number is greater than the count, another part of the same whole says other days, time or count, or a row of a snapshot has no code. The snapshot stops nothing.",
    "wrong_hospital": "Routing key, user and body name different hospitals.",
    "wrong_type": "Routing key and body name different types of event.",
    "unknown_type": "No such type of event.",
    "duplicate_id": "Another event of the same source had this id. This one is not looked at: send it under a new id.",
    "in_future": "`time` or `as_of` lies in the future.",
    "stale": "A greater version is known: this one changes nothing.",
    "doctor_overlap": "The doctor has another session at that time. Both are taken in.",
    "below_taken": "Fewer numbers are planned than patients have. Nobody is cancelled; no more are sold.",
    "times_moved": "Patients hold numbers at times that are no longer planned. They keep them, and are not told.",
    "already_public": "The session is public already, and no draft any more. The rest of the row is taken in.",
    "draw_fixed": "Patients have entered the draw, or it is over: its policy and time stay. The rest of the row is taken in.",
    "applied_later": "What a row waited for has come; the row has taken effect now.",
}

WARNINGS = frozenset(
    {"stale", "doctor_overlap", "below_taken", "times_moved", "already_public", "draw_fixed", "applied_later"}
)
"""With these the row has its effect, as far as it can have one. With all others it has none now."""
