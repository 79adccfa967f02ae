"""The texts of orders with whose they are: each as the version before it, with a line more that says whose the visit is, and of
which visit it is where the text itself does not say so.
"""

from notify_svc.texts.parts import VISIT_EN, VISIT_ZH, Texts

PATIENT = {"zh-CN": "就诊人：{patient}\n", "en": "Patient: {patient}\n"}
_VISIT = {"zh-CN": VISIT_ZH, "en": VISIT_EN}
ORDER = {
    "zh-CN": "就诊：{date} {arrive}，{hospital} {department} {doctor}\n",
    "en": "Visit: {doctor}, {department}, {hospital}, {date} {arrive} (Beijing time)\n",
}

VISITS = (
    "order_held",
    "order_offered",
    "order_confirmed",
    "order_expired",
    "order_withdrawn",
    "order_cancelled",
    "order_rescheduled",
    "replacement_ended",
    "visit_stopped",
    "session_stopped",
    "substitutes_offered",
    "visit_missed",
)
"""Kinds whose text tells of the visit."""

ORDERS = (
    "order_placed",
    "order_entered",
    "order_waitlisted",
    "order_rejected",
    "credit_recorded",
    "credit_lifted",
    "credit_upheld",
    "payment_succeeded",
    "payment_failed",
    "refund_succeeded",
    "surplus_refunded",
    "refund_stalled",
    "refund_failed",
)
"""Kinds whose text does not, but for what was told of the order before."""


def named(texts: Texts) -> Texts:
    """One version more of each."""
    newest: dict[tuple[str, str], int] = {}
    for kind, version, locale in texts:
        newest[kind, locale] = max(version, newest.get((kind, locale), 0))
    made: Texts = {}
    for (kind, locale), version in newest.items():
        title, text = texts[kind, version, locale]
        if kind in VISITS:
            made[kind, version + 1, locale] = title, text.replace(_VISIT[locale], PATIENT[locale] + _VISIT[locale])
        elif kind in ORDERS:
            made[kind, version + 1, locale] = title, PATIENT[locale] + ORDER[locale] + text
    return made
