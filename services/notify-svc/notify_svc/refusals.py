"""Why an order gets no number, in words, and what one can do about it. The codes are those of SlotRejected."""

WHY = {
    "zh-CN": {
        "sold_out": "号源已满",
        "not_released": "尚未到放号时间",
        "session_stopped": "该医生停诊",
        "session_over": "已超过可预约时间",
        "session_not_found": "该出诊不存在",
        "slot_not_found": "所选时段不存在",
        "slot_not_choosable": "抽签的号不能选择时段",
        "released": "预约已取消",
        "not_drawn": "抽签未中",
        "entries_closed": "抽签报名已截止，正在抽签",
        "limit_reached": "已达到该医院规定的预约次数上限",
        "cool_down": "取消或退号后需间隔一段时间才能再次预约",
        "credit_blocked": "因信用记录（爽约或临时退号）暂停预约",
        "too_early": "未到该医院规定的可预约时间",
        "too_late": "已超过该医院规定的预约截止时间",
        "voucher_invalid": "预约凭证无效、已使用或已过期",
    },
    "en": {
        "sold_out": "all numbers are taken",
        "not_released": "numbers are not on sale yet",
        "session_stopped": "the doctor's session was stopped",
        "session_over": "it is too late for this session",
        "session_not_found": "there is no such session",
        "slot_not_found": "there is no such time segment",
        "slot_not_choosable": "a draw gives out numbers without a choice of time",
        "released": "the order was cancelled",
        "not_drawn": "the draw went to others",
        "entries_closed": "entries to the draw have closed, and it is being held",
        "limit_reached": "you have as many bookings as the hospital's rules allow",
        "cool_down": "after cancelling, one has to wait for a while before booking again",
        "credit_blocked": "marks in your credit record (missed visits, late cancellations) stop bookings for now",
        "too_early": "by its rules the hospital does not take bookings so early",
        "too_late": "by its rules the hospital no longer takes bookings for this session",
        "voucher_invalid": "the voucher is not valid, was used before, or has expired",
    },
}
"""Locale -> reason -> what it means."""

NEXT = {
    "zh-CN": {
        "": "可选择其他时段或其他医生",
        "sold_out": "可加入候补，或选择其他时段、其他医生",
        "not_released": "请在放号后再预约",
        "slot_not_choosable": "请不选时段，重新报名",
        "entries_closed": "抽签结束后如有余号，可直接预约",
        "cool_down": "请稍后再预约",
        "credit_blocked": "可在信用记录中查看依据并申诉；急诊不受影响",
        "too_early": "请在开放后再预约",
        "voucher_invalid": "请向开具凭证的科室核实，或不使用凭证预约",
    },
    "en": {
        "": "try another time or another doctor",
        "sold_out": "join the waitlist, or try another time or another doctor",
        "not_released": "book after the release",
        "slot_not_choosable": "enter again without a time",
        "entries_closed": "numbers that the draw leaves over are first come, first served",
        "cool_down": "book again later",
        "credit_blocked": "see the evidence in your credit record and appeal there; urgent care is never barred",
        "too_early": "book once it has opened",
        "voucher_invalid": "ask the department that issued it, or book without it",
    },
}
"""Locale -> reason -> the next step; "" for all others."""

UNTIL = {
    "zh-CN": {
        "": "此限制至 {time} 止。",
        "not_released": "{time} 开放预约。",
        "too_early": "{time} 开放预约。",
        "too_late": "预约已于 {time} 截止。",
        "session_over": "预约已于 {time} 截止。",
    },
    "en": {
        "": "This ends at {time} (Beijing time).",
        "not_released": "Bookings open at {time} (Beijing time).",
        "too_early": "Bookings open at {time} (Beijing time).",
        "too_late": "Bookings closed at {time} (Beijing time).",
        "session_over": "Bookings closed at {time} (Beijing time).",
    },
}
"""Locale -> reason -> what the refusal's time is; "" for all others."""
