"""The merchant is told until she has heard, by the vendor's schedule on the sandbox's clock."""

import sqlite3
import threading

import pytest
from payment_sandbox import callbacks
from payment_sandbox.callbacks import AT_ONCE
from sandbox_rig import Caller, a_merchant, a_server, eventually

NO = (500, b"no")


@pytest.fixture
def paid(caller, sandbox, merchant):
    """Have a trade paid: its payer's notice is due."""

    def pay(number: str = "n1", vendor: str = "wechat") -> None:
        caller.create(number, vendor=vendor, notify_url=merchant.url)
        sandbox.pay(sandbox.books.trade(vendor, number))

    return pay


def state_of(sandbox, wanted: str, tries: int = 0) -> dict:
    return eventually(
        lambda: next(
            (n for n in sandbox.callbacks.shown() if n["state"] == wanted and len(n["attempts"]) >= tries), None
        )
    )


def tried(sandbox, tries: int) -> dict:
    """The only notice, after so many attempts and before the next."""
    return eventually(lambda: next((n for n in sandbox.callbacks.shown() if n["tries"] >= tries), None))


def test_a_notice_is_told_once(paid, sandbox, merchant):
    paid()
    (told,) = merchant.wait_for(1)
    assert (told["event"], told["number"], told["flaw"]) == ("paid", "n1", None)
    notice = state_of(sandbox, "told")
    (attempt,) = notice["attempts"]
    assert (attempt["status"], attempt["answer"], attempt["accepted"]) == (200, "success", True)
    assert notice["id"] == told["id"]
    assert notice["due"] is None


def test_who_named_no_address_is_not_told(caller, sandbox):
    caller.create("n1")
    sandbox.pay(sandbox.books.trade("wechat", "n1"))
    assert sandbox.callbacks.shown() == []


@pytest.mark.parametrize("answer", [NO, (200, b"fail"), (302, b"success"), (204, b"")])
def test_whatever_is_not_acceptance_is_repeated_by_the_schedule(paid, caller, sandbox, merchant, answer):
    merchant.answers = [answer, answer]
    paid()
    waiting = tried(sandbox, 1)
    assert waiting["state"] == "waiting"
    caller.ctl("POST", "/clock", {"advance": 30})
    assert len(merchant.heard) == 1  # the first pause is a minute
    caller.ctl("POST", "/clock", {"advance": 31})
    tried(sandbox, 2)
    caller.ctl("POST", "/clock", {"advance": 301})
    notice = state_of(sandbox, "told")
    assert [attempt["status"] for attempt in notice["attempts"]] == [answer[0], answer[0], 200]
    assert len({told["id"] for told in merchant.heard}) == 1  # the same notice


def test_the_schedule_ends(paid, caller, sandbox, merchant):
    merchant.answers = [NO] * 9
    paid()
    for tries in (1, 2):
        tried(sandbox, tries)
        caller.ctl("POST", "/clock", {"advance": 301})
    assert len(state_of(sandbox, "given_up")["attempts"]) == 3
    caller.ctl("POST", "/clock", {"advance": 1e6})
    assert len(merchant.heard) == 3


def test_a_fast_clock_hurries_the_schedule(paid, caller, sandbox, merchant):
    merchant.answers = [NO, NO]
    caller.ctl("POST", "/clock", {"speed": 6000})
    paid()
    assert len(state_of(sandbox, "told")["attempts"]) == 3


def test_alipay_may_repeat_at_once(paid, caller, sandbox, merchant):
    merchant.answers = [NO] * 3
    caller.ctl("POST", "/options", {"immediate_retries": True})
    paid(vendor="alipay")
    merchant.wait_for(3)
    assert tried(sandbox, 3)["state"] == "waiting"
    assert len(merchant.heard) == 3


def test_a_merchant_who_is_not_there(caller, sandbox):
    with a_merchant() as gone:
        url = gone.url
    caller.create("n1", notify_url=url)
    caller.create("n2", notify_url="gopher://nowhere")
    for number in ("n1", "n2"):
        sandbox.pay(sandbox.books.trade("wechat", number))
    eventually(lambda: all(notice["attempts"] for notice in sandbox.callbacks.shown()))
    first, second = sandbox.callbacks.shown()
    assert "refused" in first["attempts"][0]["error"]
    assert "no address" in second["attempts"][0]["error"]


def test_only_so_many_at_once(paid, sandbox, merchant):
    merchant.gate = threading.Event()
    for number in range(AT_ONCE + 10):
        paid(f"n{number}")
    merchant.wait_for(AT_ONCE)
    merchant.gate.set()
    merchant.wait_for(AT_ONCE + 10)
    assert merchant.most_at_once <= AT_ONCE
    eventually(lambda: all(notice["state"] == "told" for notice in sandbox.callbacks.shown()))


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drop", ["drop", "drop-before"])
def test_a_dropped_delivery_is_repeated(paid, caller, sandbox, merchant, drop):
    caller.plan(drop, call="callback")
    paid()
    assert tried(sandbox, 1)["attempts"][0]["fault"] == drop
    assert merchant.heard == []
    caller.ctl("POST", "/clock", {"advance": 61})
    merchant.wait_for(1)


def test_an_answer_that_is_lost(paid, caller, sandbox, merchant):
    caller.plan("drop-after", call="callback")
    paid()
    tried(sandbox, 1)
    caller.ctl("POST", "/clock", {"advance": 61})
    assert len(merchant.wait_for(2)) == 2


def test_a_delivery_with_a_flaw(paid, caller, merchant):
    caller.plan("bad-signature", call="callback", number="n1")
    paid()
    assert merchant.wait_for(1)[0]["flaw"] == "bad-signature"


def test_a_delivery_that_is_late(paid, caller, sandbox, merchant):
    caller.plan("delay", call="callback", seconds=0.1)
    paid()
    merchant.wait_for(1)
    assert state_of(sandbox, "told")["attempts"][0]["fault"] == "delay"


def test_duplicates(paid, caller, sandbox, merchant):
    caller.plan("duplicate", call="callback", number="n1")
    paid()
    merchant.wait_for(2)
    caller.ctl("POST", "/options", {"duplicate_callbacks": 3})
    paid("n2")
    merchant.wait_for(6)
    eventually(lambda: sum(len(notice["attempts"]) for notice in sandbox.callbacks.shown()) == 6)
    assert [told["number"] for told in merchant.heard] == ["n1"] * 2 + ["n2"] * 4


def test_a_vendor_with_a_defect_does_not_stop_the_others(paid, caller, sandbox, merchant):
    caller.plan("stale", call="callback", number="n1")  # the stub fails at it
    paid("n1")
    paid("n2")
    assert merchant.wait_for(1)[0]["number"] == "n2"
    assert "defect" in tried(sandbox, 1)["attempts"][0]["error"]


# --- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "heard"), [("as_is", "abcdef"), ("reversed", "fedcba"), ("shuffled", None)])
def test_held_back_and_released(paid, caller, sandbox, merchant, order, heard):
    caller.ctl("POST", "/options", {"hold_callbacks": True})
    for number in "abcdef":
        paid(number)
    assert merchant.heard == []
    answer = caller.ctl("POST", "/callbacks/release", {"order": order, "seed": 3})
    came = "".join(told["number"] for told in merchant.heard)
    assert came == "".join(notice["number"] for notice in answer["callbacks"])
    assert sorted(came) == list("abcdef")
    assert (came == heard) if heard else (came != "abcdef")
    assert caller.ctl("GET", "/options")["hold_callbacks"] is False
    paid("g")
    merchant.wait_for(7)


def test_holding_may_just_end(paid, caller, merchant):
    caller.ctl("POST", "/options", {"hold_callbacks": True})
    paid()
    caller.ctl("POST", "/options", {"hold_callbacks": False})
    merchant.wait_for(1)


def test_repeated_all_at_once(paid, caller, sandbox, merchant):
    paid()
    merchant.wait_for(1)
    merchant.gate = threading.Event()
    done = []
    repeat = {"provider": "wechat", "number": "n1", "times": 8}
    asking = threading.Thread(target=lambda: done.append(caller.ctl("POST", "/callbacks/repeat", repeat)))
    asking.start()
    merchant.wait_for(9)
    merchant.gate.set()
    asking.join()
    assert merchant.most_at_once == 8
    assert [attempt["accepted"] for attempt in done[0]["attempts"]] == [True] * 8
    assert len({told["id"] for told in merchant.heard}) == 1


def test_a_repetition_in_vain_is_no_part_of_the_schedule(paid, caller, sandbox, merchant):
    merchant.answers = [NO] * 4
    paid()
    due = tried(sandbox, 1)["due"]
    caller.ctl("POST", "/callbacks/repeat", {"provider": "wechat", "number": "n1", "times": 3})
    (notice,) = sandbox.callbacks.shown()
    assert (notice["state"], notice["tries"], notice["due"]) == ("waiting", 1, due)
    assert len(notice["attempts"]) == 4


def test_a_repetition_that_is_accepted_ends_the_schedule(paid, caller, sandbox, merchant):
    merchant.answers = [NO]
    paid()
    tried(sandbox, 1)
    caller.ctl("POST", "/callbacks/repeat", {"provider": "wechat", "number": "n1", "event": "paid"})
    assert len(state_of(sandbox, "told")["attempts"]) == 2
    assert caller.refused("POST", "/callbacks/repeat", {"provider": "wechat", "number": "n1", "event": "refund"}) == (
        404,
        "callback_not_found",
    )


def test_a_refund_in_xml(caller, sandbox, merchant):
    caller.create("n1", notify_url=merchant.url)
    caller.call("refund", "r1")  # names no address: the trade's is taken
    assert caller.ctl("POST", "/callbacks/xml", {"number": "r1"})["attempts"][0]["accepted"]
    assert [told["flaw"] for told in merchant.heard] == ["xml"]  # nothing of it is told otherwise
    caller.create("n2")
    caller.call("refund", "r2", trade_number="n2")
    assert caller.refused("POST", "/callbacks/xml", {"number": "r2"}) == (409, "not_possible")


def test_a_refund_in_xml_is_told_in_nothing_else(paid, caller, sandbox, merchant):
    """Not even again: duplicates are those of a notice that was told as usual."""
    caller.ctl("POST", "/options", {"hold_callbacks": True, "duplicate_callbacks": 2})
    caller.create("n1")
    caller.call("refund", "r1", notify_url=merchant.url)
    assert caller.ctl("POST", "/callbacks/xml", {"number": "r1"})["attempts"][0]["accepted"]
    caller.ctl("POST", "/options", {"hold_callbacks": False})
    paid("n2")
    merchant.wait_for(4)
    assert sorted(told["flaw"] or told["number"] for told in merchant.heard) == ["n2", "n2", "n2", "xml"]
    assert [notice["state"] for notice in sandbox.callbacks.shown()] == ["told", "told"]


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1e-12, 1e-300, 5e-324])
def test_a_clock_that_nearly_stands_still_ends_nothing(paid, caller, sandbox, merchant, speed):
    merchant.answers = [NO]
    caller.ctl("POST", "/clock", {"speed": speed})
    paid()
    tried(sandbox, 1)
    paid("n2")
    merchant.wait_for(2)
    assert caller.send("GET", "/healthz").status_code == 200
    caller.ctl("POST", "/clock", {"advance": 61})
    assert len(merchant.wait_for(3)) == 3


def test_what_goes_wrong_while_it_looks_is_said_and_tried_again(paid, sandbox, merchant, monkeypatch, caplog):
    monkeypatch.setattr(callbacks, "BREATH", 0.01)
    due, failed = sandbox.callbacks._deliver_due, []

    def locked():
        if len(failed) < 2:
            failed.append(1)
            raise sqlite3.OperationalError("database is locked")
        return due()

    monkeypatch.setattr(sandbox.callbacks, "_deliver_due", locked)
    paid()
    merchant.wait_for(1)
    assert caplog.text.count("OperationalError: database is locked") == 2


def test_what_goes_wrong_while_it_delivers_is_said_and_tried_again(paid, sandbox, merchant, monkeypatch, caplog):
    monkeypatch.setattr(callbacks, "BREATH", 0.01)
    settle, failed = sandbox.callbacks._settle, []

    def locked(*told, **how):
        if not failed:
            failed.append(1)
            raise sqlite3.OperationalError("database is locked")
        settle(*told, **how)

    monkeypatch.setattr(sandbox.callbacks, "_settle", locked)
    paid()
    assert len(merchant.wait_for(2)) == 2  # nobody has written down that she had heard
    state_of(sandbox, "told")
    assert "OperationalError: database is locked" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sandbox_that_tells_nobody_is_not_well(paid, caller, sandbox, monkeypatch):
    def end():
        raise SystemExit

    assert caller.send("GET", "/healthz").status_code == 200
    monkeypatch.setattr(sandbox.callbacks, "_deliver_due", end)
    paid()
    eventually(lambda: caller.send("GET", "/healthz").status_code == 503)
    assert caller.send("GET", "/healthz").json() == {"status": "callbacks are not delivered"}


# --- restarts --------------------------------------------------------------------------------------------------------


def test_what_was_not_heard_goes_on_after_a_restart(tmp_path, merchant):
    merchant.answers = [NO]
    with a_server(tmp_path) as server:
        Caller(server).create("n1", notify_url=merchant.url)
        server.sandbox.pay(server.sandbox.books.trade("wechat", "n1"))
        tried(server.sandbox, 1)
    with a_server(tmp_path) as server:
        server.sandbox.set_clock(advance=61)
        merchant.wait_for(2)
        assert len(state_of(server.sandbox, "told")["attempts"]) == 2


def test_a_delivery_under_way_is_finished_before_the_end(tmp_path, merchant):
    merchant.gate = threading.Event()
    with a_server(tmp_path) as server:
        Caller(server).create("n1", notify_url=merchant.url)
        server.sandbox.pay(server.sandbox.books.trade("wechat", "n1"))
        merchant.wait_for(1)
        threading.Timer(0.1, merchant.gate.set).start()
    with a_server(tmp_path) as server:
        assert server.sandbox.callbacks.shown()[0]["state"] == "told"
