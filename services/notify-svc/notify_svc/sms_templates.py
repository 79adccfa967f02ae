"""The templates of the short messages: python -m notify_svc.sms_templates [alibaba | tencent]

Of a provider: each with its kind, language and an example, to be entered there for approval. Of none: JSON from "<kind>.<locale>"
to the text with {variables}. See docs/notifications.md.
"""

import json
import sys
from collections.abc import Iterator

from notify_svc import templates
from notify_svc.examples import EXAMPLES
from notify_svc.settings import PROVIDERS


def texts() -> dict[str, str]:
    """Every short message by its "<kind>.<locale>"."""
    return {
        f"{kind}.{locale}": templates.sms_text(kind, locale)
        for kind in templates.sms_kinds()
        for locale in templates.LOCALES
    }


def lines(provider: str) -> Iterator[str]:
    """One block for each template, and the JSON to be filled in with their numbers."""
    for name in texts():
        kind, _, locale = name.partition(".")
        facts = templates.sms_facts(kind, EXAMPLES[kind], locale)
        yield f"{name}  ({'验证码 verification code' if kind.startswith('code_') else '通知 notification'})"
        yield f"  {text_for(provider, kind, locale)}"
        yield f"  {json.dumps(facts, ensure_ascii=False)}"
    yield ""
    yield f"{provider.upper()}_SMS_TEMPLATES={json.dumps(dict.fromkeys(texts(), ''))}"


def text_for(provider: str, kind: str, locale: str) -> str:
    """The text with variables as the provider writes them: ${name}, or {1}, {2} in their order."""
    found = templates.sms_variables(kind, locale)
    signs = {name: f"${{{name}}}" if provider == "alibaba" else f"{{{n}}}" for n, name in enumerate(found, 1)}
    return templates.sms_text(kind, locale).format_map(signs)


def main(argv: list[str]) -> int:
    """2 for a provider that is not known."""
    if not set(argv) <= set(PROVIDERS):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    said = "\n".join(line for provider in argv for line in lines(provider))
    sys.stdout.write(f"{said or json.dumps(texts(), ensure_ascii=False, indent=2)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
