"""deploy/make_env.py: no password of production is one that is published, and what providers give us is not made up."""

import base64
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
THEIRS = ("WECHAT_", "ALIPAY_", "SMTP_", "ALIBABA_", "TENCENT_")
TEMPLATE = (ROOT / ".env.example").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def make_env() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_env", ROOT / "deploy/make_env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_every_secret_of_ours_is_made(make_env):
    first, second = (values(make_env.fill_in(TEMPLATE, {})) for _ in range(2))
    ours = {name for name in first if name.endswith(("_PASSWORD", "_KEY", "_TOKEN")) and not name.startswith(THEIRS)}
    assert {"PAYMENT_DB_PASSWORD", "RABBITMQ_PASSWORD", "JWT_PRIVATE_KEY", "DATA_KEY", "ADMIN_PASSWORD"} <= ours
    assert {"CONTACT_KEY", "TRAIL_KEY", "DOOR_KEY", "RECEIPTS_TOKEN"} <= ours
    for name in ours:
        assert first[name], name
        assert first[name] != second[name], f"{name} is to be random"


def test_what_others_give_us_is_left_alone(make_env):
    made = values(make_env.fill_in(TEMPLATE, {}))
    empty = {name for name, value in made.items() if not value}
    theirs = {name for name in empty if name.startswith(THEIRS)}
    assert {"WECHAT_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY", "WECHAT_APIV3_KEY"} <= theirs
    assert {"SMTP_URL", "ALIBABA_SMS_KEY_SECRET", "TENCENT_SMS_SECRET_KEY", "TENCENT_SMS_TEMPLATES"} <= theirs
    assert empty - theirs == {"PAYMENT_METHODS", "CALLBACK_URL", "SMS_PROVIDERS", "MAIL_FROM"}


def test_what_is_there_stays_and_what_was_emptied_is_made_anew(make_env):
    known = values(make_env.fill_in(TEMPLATE, {}))
    given = known | {"WECHAT_MCHID": "1234567890", "PAYMENT_DB_PASSWORD": "", "OWN": "x"}
    again = values(make_env.fill_in(TEMPLATE, given))
    assert again["PAYMENT_DB_PASSWORD"] not in {"", known["PAYMENT_DB_PASSWORD"]}
    assert {n: v for n, v in again.items() if n != "PAYMENT_DB_PASSWORD"} == {
        n: v for n, v in given.items() if n != "PAYMENT_DB_PASSWORD"
    }


def test_the_public_key_is_the_private_ones(make_env):
    made = values(make_env.fill_in(TEMPLATE, {}))
    public = make_env.ed25519_public_key(base64.b64decode(made["JWT_PRIVATE_KEY"]))
    assert base64.b64decode(made["JWT_PUBLIC_KEY"]) == public


def test_what_compose_reads_is_sourced_by_nobody_and_kept_as_it_is(make_env):
    """MAIL_FROM and templates hold what a shell would take for its own."""
    for page in ("deploy/README.md", "README.md", "docs/operations.md", "Makefile"):
        assert ". ./.env" not in (ROOT / page).read_text(encoding="utf-8"), page
    given = {
        "MAIL_FROM": "号源 <no-reply@hospital.cn>",
        "ALIBABA_SMS_TEMPLATES": '{"order_confirmed.zh-CN": "SMS_123"}',
    }
    made = values(make_env.fill_in(TEMPLATE, given))
    assert {name: made[name] for name in given} == given
