"""docs/saga.md: the life of an order, from booking_svc.saga."""

from collections import defaultdict

from booking_svc import saga
from booking_svc.domain import FINAL, IN_FLIGHT, State
from booking_svc.saga import IGNORED, OWED, TABLE, Input, Send, Step
from common.messages import CATALOGUE

from docs.generators.markdown import code, notice, paragraphs, summary, table

_RULES = (saga.__doc__ or "").strip().split("\n\n")[-1]


def page_name(send: Send) -> str:
    """The message that a function of the saga makes: order_held -> OrderHeld."""
    name = "".join(part.title() for part in send.__name__.split("_"))
    if name not in {cls.__name__ for cls in CATALOGUE.values()}:
        raise LookupError(f"{send.__name__} is not named for the message that it makes")
    return name


def diagram() -> str:
    """The states, and what leads from one to the next."""
    edges: dict[tuple[State, State], list[str]] = defaultdict(list)
    for (state, what), step in TABLE.items():
        edges[state, step.next].append(what)
    lines = ["stateDiagram-v2", f"    [*] --> {State.RESERVING}: order placed"]
    lines += [f"    {a} --> {b}: {_label(inputs)}" for (a, b), inputs in edges.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(["```mermaid", *lines, "```"])


def _label(inputs: list[str]) -> str:
    """Several inputs on one edge. `x, free` says nothing beside `x`."""
    return " / ".join(i for i in inputs if i.removesuffix(", free") not in inputs or not i.endswith(", free"))


def _steps() -> str:
    rows = [
        (code(state), what, code(step.next), ", ".join(code(page_name(send)) for send in step.sends) + _pair(step))
        for (state, what), step in TABLE.items()
    ]
    return table(("state", "input", "next state", "sends"), rows)


def _pair(step: Step) -> str:
    return f"; the other order is *{Input.REPLACED}*" if step.replaces else ""


def _matrix() -> str:
    """Every pair of state and input: the next state, or the number of the reason why nothing changes."""
    reason_of = {pair: str(n) for n, pairs in enumerate(IGNORED.values(), 1) for pair in pairs}

    def cell(state: State, what: Input) -> str:
        step: Step | None = TABLE.get((state, what))
        return f"**{step.next}**" if step else reason_of[state, what]

    return table(
        ("input", *(code(state) for state in State)),
        [(what, *(cell(state, what) for state in State)) for what in Input],
    )


def _kinds() -> str:
    def kind(state: State) -> str:
        if state in FINAL:
            return "final"
        return f"in flight: {code(page_name(OWED[state]))} is owed an answer" if state in IN_FLIGHT else "at rest"

    return table(("state", "kind"), [(code(state), kind(state)) for state in State])


def page() -> str:
    """The whole page."""
    reasons = "\n".join(f"{n}. {reason}." for n, reason in enumerate(IGNORED, 1))
    return paragraphs(
        notice("booking_svc/saga"),
        "# The life of an order",
        summary(_RULES),
        diagram(),
        "## States",
        "An order *at rest* waits for a person, for a draw, or for the end of its window. One *in flight* waits for another "
        "service: the worker sends the command again when its answer is overdue, and commands are idempotent by order. Seldom, it "
        "asks after what nobody waits for, too: numbers that were released, and orders that are waitlisted or were drawn.",
        _kinds(),
        "## Steps",
        "An order that *replaces* another (rescheduling, a substitute for a stopped session) takes its number first. Both orders are "
        "moved in one transaction; if the other can no longer be replaced, this one goes on by itself.",
        _steps(),
        "## Every pair",
        "Bold is the next state; a number is the reason why the input changes nothing. A test proves that no pair is "
        "missing, another walks every interleaving of messages with redelivery.",
        _matrix(),
        "### Why an input changes nothing",
        reasons,
    )
