"""The carriers that the environment names, in the order in which they are tried."""

from common.settings import BadSettings

from notify_svc.channels import Carrier
from notify_svc.channels.smtp import Smtp
from notify_svc.settings import Settings


def carriers(settings: Settings) -> list[Carrier]:
    """One for e-mail, then those for SMS. Nothing is connected to before a letter is sent. Raises BadSettings."""
    found: list[Carrier] = []
    if settings.smtp_url:
        try:
            found.append(
                Smtp(
                    settings.smtp_url,
                    sender=settings.mail_from,
                    ca=settings.smtp_ca,
                    timeout=settings.provider_timeout,
                )
            )
        except (OSError, ValueError) as error:
            raise BadSettings(f"the environment does not do:\nSMTP_CA or MAIL_FROM: {error}") from error
    return found + [_BY_NAME[name](settings) for name in settings.sms_order]


def _alibaba(settings: Settings) -> Carrier:
    from notify_svc.channels.alibaba import Alibaba  # the SDKs are large: only who sends by one loads it

    return Alibaba(
        settings.alibaba_sms_url,
        settings.alibaba_sms_key_id,
        settings.alibaba_sms_key_secret,
        settings.alibaba_sms_sign,
        settings.templates("alibaba"),
        timeout=settings.provider_timeout,
    )


def _tencent(settings: Settings) -> Carrier:
    from notify_svc.channels.tencent import Tencent

    return Tencent(
        settings.tencent_sms_url,
        settings.tencent_sms_region,
        settings.tencent_sms_secret_id,
        settings.tencent_sms_secret_key,
        settings.tencent_sms_app_id,
        settings.tencent_sms_sign,
        settings.templates("tencent"),
        timeout=settings.provider_timeout,
    )


_BY_NAME = {"alibaba": _alibaba, "tencent": _tencent}
