"""`python -m notify_svc.sms_templates`: the texts that providers of SMS are to approve, as JSON {"<kind>.<locale>": "text with {variables}"}.

The numbers that they give go into ALIBABA_SMS_TEMPLATES and TENCENT_SMS_TEMPLATES under the same names.
"""

import json
import sys
from collections.abc import Mapping

from notify_svc.templates import sms_kinds, sms_text

LOCALES = ("zh-CN", "en")


def texts() -> Mapping[str, str]:
    """Each kind that has a short message, in both languages."""
    return {f"{kind}.{locale}": sms_text(kind, locale) for kind in sms_kinds() for locale in LOCALES}


if __name__ == "__main__":
    json.dump(texts(), sys.stdout, ensure_ascii=False, indent=1)
