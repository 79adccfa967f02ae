"""From a notification to what a carrier takes: an e-mail with its greeting, footer and calendar file, or a short SMS."""

from email.utils import parseaddr

from notify_svc import calendars, templates
from notify_svc.channels import Channel, Letter
from notify_svc.domain import Notification

_SENDER = "Haoyuan <no-reply@haoyuan.example>"


def compose(
    notification: Notification,
    channel: Channel,
    *,
    to: str,
    key: str,
    locale: str,
    unsubscribe: str,
    sender: str = _SENDER,
) -> Letter:
    """The letter for one address, the same whenever it is composed.

    Of a code (kinds `code_*`) `params["code"]` must be the code in clear: whoever sends it has opened it. sender: whom an e-mail
    comes from; calendar files name it. Raises KeyError for a kind that has no SMS text.
    """
    if channel == "sms":
        facts = templates.sms_facts(notification.kind, notification.params, locale)
        text = templates.sms_text(notification.kind, locale).format_map(facts)
        return Letter(key, "sms", to, notification.kind, locale, "", text, facts)
    title, text = templates.render(notification.kind, notification.version, notification.params, locale)
    invitation = calendars.calendar_of(
        notification.kind, notification.params, locale, at=notification.created_at, organizer=parseaddr(sender)[1]
    )
    return Letter(
        key,
        "email",
        to,
        notification.kind,
        locale,
        title,
        templates.as_mail(text, locale, unsubscribe),
        calendar=invitation.body if invitation else None,
        calendar_method=invitation.method if invitation else "",
        unsubscribe=unsubscribe,
    )
