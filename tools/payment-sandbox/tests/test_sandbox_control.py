"""/_ctl: what it does, and what it does not accept."""

from dataclasses import fields

import pytest
from payment_sandbox.asked import CALLS, CHANGES, Changes
from payment_sandbox.parts import Options
from sandbox_rig import a_trade

# --- trades and refunds ----------------------------------------------------------------------------------------------


def test_a_trade_is_shown_with_its_link(caller, sandbox):
    caller.create("n1", amount=500)
    shown = caller.ctl("GET", "/trades/wechat/n1")
    assert (shown["amount"], shown["state"], shown["scanned"], shown["params"]) == (
        500,
        "unpaid",
        False,
        {"a": [1, "二"]},
    )
    assert shown["link"] == f"{caller.url}/pay/{shown['token']}"
    assert shown["expires_at"] == sandbox.books.trade("wechat", "n1").expires_at.isoformat()


def test_scan_fail_pay(caller):
    caller.create("n1", vendor="alipay")
    assert caller.ctl("POST", "/trades/alipay/n1/fail")["state"] == "unpaid"
    scanned = caller.ctl("POST", "/trades/alipay/n1/scan")
    assert (scanned["scanned"], scanned["state"]) == (True, "unpaid")
    paid = caller.ctl("POST", "/trades/alipay/n1/pay", {"payer": "2088000000000009"})
    assert (paid["state"], paid["payer"]) == ("paid", "2088000000000009")
    assert caller.ctl("GET", "/trades/alipay/n1") == paid


@pytest.mark.parametrize("action", ["scan", "fail", "pay"])
def test_what_cannot_be_paid_is_a_conflict(caller, sandbox, action):
    sandbox.books.add_trade(a_trade(sandbox.now(), state="closed"))
    caller.create("n2")
    assert caller.refused("POST", f"/trades/wechat/n1/{action}") == (409, "not_possible")
    caller.ctl("POST", "/clock", {"advance": 3600})
    assert caller.refused("POST", f"/trades/wechat/n2/{action}") == (409, "not_possible")


def test_paid_once(caller):
    caller.create("n1")
    caller.ctl("POST", "/trades/wechat/n1/pay")
    assert caller.refused("POST", "/trades/wechat/n1/pay") == (409, "not_possible")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/trades/wechat/none", "trade_not_found"),
        ("/trades/paypal/n1", "provider_unknown"),
        ("/refunds/wechat/none", "refund_not_found"),
        ("/refunds/paypal/r1", "provider_unknown"),
        ("/bills/paypal/2026-11-22", "provider_unknown"),
        ("/bills/wechat/yesterday", "day_unknown"),
        ("/bills/wechat/2026-13-01", "day_unknown"),
        ("/nothing", "request"),
    ],
)
def test_what_is_not_there(caller, path, code):
    assert caller.refused("GET", path) == (404, code)


def test_a_refund_is_brought_to_its_end(caller):
    caller.ctl("POST", "/options", {"refund_outcome": "processing"})
    caller.create("n1")
    caller.call("refund", "r1", amount=300)
    shown = caller.ctl("GET", "/refunds/wechat/r1")
    assert (shown["state"], shown["amount"], shown["trade_number"]) == ("processing", 300, "n1")
    assert caller.ctl("POST", "/refunds/wechat/r1", {"state": "abnormal"})["state"] == "abnormal"
    done = caller.ctl("POST", "/refunds/wechat/r1", {"state": "success"})
    assert done["done_at"]
    assert caller.refused("POST", "/refunds/wechat/r1", {"state": "closed"}) == (409, "not_possible")


# --- settings --------------------------------------------------------------------------------------------------------


def test_every_option_can_be_set(caller):
    values = {
        "close_paid_code": "TRADE_ERROR",
        "order_not_exist_code": "ORDERNOTEXIST",
        "longest_expiry_days": 90,
        "immediate_retries": True,
        "negative_refunds": False,
        "refund_outcome": "refused",
        "refund_rule_seconds": False,
        "refund_minutes": 1.5,
        "hold_callbacks": True,
        "duplicate_callbacks": 20,
        "callback_before_answer": True,
        "balance": 0,
        "bill_ready": False,
        "fee_rate": 0.01,
        "more": {"anything": [1]},
    }
    assert set(values) == set(Changes().fields) == {field.name for field in fields(Options)}
    assert caller.ctl("POST", "/options", values) == values
    assert caller.ctl("POST", "/options", {"balance": None})["balance"] is None
    assert caller.ctl("GET", "/options") == {**values, "balance": None}


def test_the_clock(caller, sandbox):
    assert caller.ctl("POST", "/clock", {"speed": 0})["speed"] == 0
    before = sandbox.now()
    after = caller.ctl("POST", "/clock", {"advance": 90})
    assert (sandbox.now() - before).total_seconds() == pytest.approx(90)
    assert after["now"] == sandbox.now().isoformat() == caller.ctl("GET", "/clock")["now"]


def test_every_named_call_can_be_planned(caller):
    for call in CALLS:
        caller.plan("delay", call=call, seconds=0)
    assert [plan["call"] for plan in caller.ctl("GET", "/faults")["faults"]] == list(CALLS)


def test_plans_are_taken_all_or_none(caller):
    good = {"provider": "wechat", "call": "query", "fault": "500"}
    assert caller.refused("POST", "/faults", {"faults": [good, {**good, "provider": "paypal"}]}) == (
        400,
        "provider_unknown",
    )
    assert caller.ctl("GET", "/faults")["faults"] == []


GOOD_PLAN = {"provider": "wechat", "call": "query", "fault": "500"}
GOOD_RANDOM = {"rate": 0.1, "seed": 7, "faults": ["500"]}
BAD = [
    *[("/options", {name: "what"}) for name in Changes().fields],
    ("/options", {"unknown": 1}),
    ("/options", {"longest_expiry_days": 0}),
    ("/options", {"longest_expiry_days": True}),
    ("/options", {"longest_expiry_days": 1.0}),
    ("/options", {"immediate_retries": 1}),
    ("/options", {"refund_minutes": -1}),
    ("/options", {"refund_minutes": True}),
    ("/options", {"duplicate_callbacks": -1}),
    ("/options", {"balance": -1}),
    ("/options", {"balance": "5"}),
    ("/options", {"fee_rate": 1.1}),
    ("/clock", {"advance": -1}),
    ("/clock", {"advance": "1"}),
    ("/clock", {"advance": 1e12}),
    ("/clock", {"speed": -1}),
    ("/clock", {"speed": 1e9}),
    ("/clock", {"speed": None}),
    ("/clock", {"stop": 1}),
    ("/faults", {"faults": [{**GOOD_PLAN, "fault": "explode"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "fault": "duplicate"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "fault": "drop"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "call": "callback", "fault": "500"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "call": "reboot"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "provider": "paypal"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "times": 0}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "times": "1"}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "seconds": -1}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "seconds": 601}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "number": ""}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "number": 5}]}),
    ("/faults", {"faults": [{**GOOD_PLAN, "more": 1}]}),
    ("/faults", {"faults": [{"provider": "wechat", "call": "query"}]}),
    ("/faults", {"faults": "500"}),
    ("/faults", {"random": {**GOOD_RANDOM, "rate": 1.5}}),
    ("/faults", {"random": {**GOOD_RANDOM, "seed": "x"}}),
    ("/faults", {"random": {**GOOD_RANDOM, "faults": []}}),
    ("/faults", {"random": {**GOOD_RANDOM, "faults": ["explode"]}}),
    ("/faults", {"random": {"seed": 1}}),
    ("/callbacks/release", {"order": "upside down"}),
    ("/callbacks/release", {"seed": 1.5}),
    ("/callbacks/repeat", {"provider": "wechat", "number": "n1", "times": 0}),
    ("/callbacks/repeat", {"provider": "wechat", "number": "n1", "times": 1001}),
    ("/callbacks/repeat", {"provider": "wechat", "number": "n1", "event": "closed"}),
    ("/callbacks/repeat", {"provider": "paypal", "number": "n1"}),
    ("/callbacks/repeat", {"provider": "wechat"}),
    ("/callbacks/repeat", {"number": "n1"}),
    ("/callbacks/xml", {}),
    ("/callbacks/xml", {"number": 1}),
    ("/trades/wechat/n1/pay", {"payer": ""}),
    ("/trades/wechat/n1/pay", {"payer": "x" * 65}),
    ("/trades/wechat/n1/pay", {"payer": "a\nb"}),
    ("/trades/wechat/n1/pay", {"amount": 1}),
    ("/refunds/wechat/r1", {"state": "processing"}),
    ("/refunds/wechat/r1", {}),
    ("/bills/wechat/2026-11-22", {}),
    ("/bills/wechat/2026-11-22", {"changes": []}),
    ("/bills/wechat/2026-11-22", {"changes": [{"do": "burn"}]}),
    ("/bills/wechat/2026-11-22", {"changes": [{"number": "n1"}]}),
    ("/bills/wechat/2026-11-22", {"changes": ["drop"]}),
    *[("/bills/wechat/2026-11-22", {"changes": [{"do": do}]}) for do in ("drop", "amount", "status", "day")],
    *[("/bills/wechat/2026-11-22", {"changes": [{"do": do, "number": "n1"}]}) for do in ("amount", "status")],
    *[
        ("/bills/wechat/2026-11-22", {"changes": [{"do": "add", "number": "n1", **wrong}]})
        for wrong in (
            {"amount": "5"},
            {"amount": 0},
            {"amount": 10**12},
            {"status": 5},
            {"number": ""},
            {"number": "n\n1"},
            {"number": None},
            {"subject": "\ud800"},
            {"transaction_id": ["x"]},
            {"more": 1},
        )
    ],
    *[
        ("/bills/wechat/2026-11-22", {"changes": [{"do": "day", "number": "n1", "to": to}]})
        for to in ("tomorrow", "2026-02-30", "", None, 5)
    ],
]


@pytest.fixture
def something(caller):
    """A trade and a refund under way, so that only what is sent can be wrong."""
    caller.ctl("POST", "/options", {"refund_outcome": "processing"})
    caller.create("n1")
    caller.call("refund", "r1")
    return caller


@pytest.mark.parametrize(("path", "sent"), BAD)
def test_bad_input_is_refused_and_changes_nothing(something, path, sent):
    def everything():
        seen = ("/options", "/faults", "/books?full=1", "/callbacks", "/bills/wechat/2026-11-22")
        return [something.ctl("GET", path) for path in seen]

    before = everything()
    status, code = something.refused("POST", path, sent)
    assert status == 400
    assert code in {"invalid", "provider_unknown"}
    assert everything() == before
    assert something.ctl("GET", "/clock")["speed"] == 1


@pytest.mark.parametrize("path", ["/options", "/clock", "/faults", "/callbacks/repeat", "/refunds/wechat/r1"])
@pytest.mark.parametrize(
    ("data", "code"),
    [(b"{", "not_json"), (b"\xff", "not_json"), (b"[]", "invalid"), (b"1", "invalid"), (b"null", "invalid")],
)
def test_what_is_no_object_is_refused(something, path, data, code):
    assert something.refused("POST", path, data=data) == (400, code)


def test_which_fields_are_wrong_is_said(caller):
    plan = {**GOOD_PLAN, "times": "many"}
    answer = caller.send("POST", "/_ctl/faults", json={"faults": [plan]})
    assert set(answer.json()["errors"]["faults"]["0"]) == {"times"}


def test_a_wrong_method_is_said(caller):
    assert caller.refused("DELETE", "/options") == (405, "request")


# --- records ---------------------------------------------------------------------------------------------------------


def test_the_books(caller, sandbox):
    for number, vendor in (("n1", "wechat"), ("n2", "wechat"), ("n3", "alipay")):
        caller.create(number, vendor=vendor, amount=1000)
    for number, vendor in (("n1", "wechat"), ("n3", "alipay")):
        caller.ctl("POST", f"/trades/{vendor}/{number}/pay")
    caller.call("refund", "r1", amount=300)
    caller.ctl("POST", "/options", {"refund_outcome": "processing"})
    caller.call("refund", "r2", amount=200)
    books = caller.ctl("GET", "/books")
    assert books == {
        "wechat": {"taken_in": 1000, "given_back": 300, "trades": 2, "refunds": 2},
        "alipay": {"taken_in": 1000, "given_back": 0, "trades": 1, "refunds": 0},
    }
    full = caller.ctl("GET", "/books?full=1")["wechat"]
    assert full["trade_list"] == [caller.ctl("GET", f"/trades/wechat/{number}") for number in ("n1", "n2")]
    assert full["refund_list"] == [caller.ctl("GET", f"/refunds/wechat/{number}") for number in ("r1", "r2")]


def test_the_calls(caller):
    caller.create("n1")
    caller.call("query", "n2")
    caller.call("query", "n1", vendor="alipay")
    assert [call["number"] for call in caller.ctl("GET", "/calls")["calls"]] == ["n1", "n2", "n1"]
    assert len(caller.ctl("GET", "/calls?call=query")["calls"]) == 2
    assert len(caller.ctl("GET", "/calls?provider=wechat&call=query&number=n2")["calls"]) == 1
    assert caller.ctl("DELETE", "/calls") == {"calls": []}


def test_the_differences_of_a_bill(caller, sandbox):
    changes = [{"do": do, "number": "n1", "amount": 5, "status": "SUCCESS", "to": "2026-11-21"} for do in CHANGES]
    path = "/bills/wechat/2026-11-22"
    assert caller.ctl("POST", path, {"changes": changes[:4]})["changes"] == changes[:4]
    assert caller.ctl("POST", path, {"changes": changes[4:]})["changes"] == changes
    assert caller.ctl("GET", path)["changes"] == changes
    assert caller.ctl("GET", "/bills/wechat/2026-11-23")["changes"] == []
    assert caller.ctl("GET", "/bills/alipay/2026-11-22")["changes"] == []
    assert caller.ctl("DELETE", path) == {"changes": []}
