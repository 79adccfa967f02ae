"""Short messages say in their approved text how long a code is good, since no provider takes that as a variable of a code's text.
user-svc decides it. Both are asked here.
"""

from notify_svc import templates
from user_svc.usecases import codes


def test_a_code_is_good_for_as_long_as_its_short_message_says():
    minutes = int(codes.GOOD_FOR.total_seconds()) // 60
    for kind in templates.sms_kinds():
        if kind.startswith("code_"):
            assert f"，{minutes}分钟内有效" in templates.sms_text(kind, "zh-CN")
            assert f"good for {minutes} minutes" in templates.sms_text(kind, "en")
