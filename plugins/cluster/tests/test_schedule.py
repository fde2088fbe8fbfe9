"""Is every question asked as rarely as it can be?"""

from lazycelery_plugin_cluster.schedule import (
    BACK_OFF_LIMIT,
    FIRST,
    LESS_OFTEN,
    OFTEN,
    SELDOM,
    Question,
    Round,
    Schedule,
)

HIDDEN: frozenset[str] = frozenset()


def ask_everything(schedule: Schedule, workers: list[str], topics: frozenset[str], now: float) -> list[Question]:
    """Every question due at one moment, each answered at once."""
    asked = []
    while (turn := schedule.next(workers, topics, now)) is not None:
        for question in [Question(turn.command, hostname) for hostname in turn.hostnames]:
            schedule.asked(question, now, answered=True)
            asked.append(question)
    return asked


def test_a_new_worker_is_asked_everything_once() -> None:
    asked = ask_everything(Schedule(), ["w1"], HIDDEN, 0.0)
    assert {question.command for question in asked} == set(FIRST)
    assert len(asked) == len(FIRST)


def test_workers_that_were_just_met_are_asked_together_and_later_one_by_one() -> None:
    schedule = Schedule()
    first = schedule.next(["w1", "w2"], HIDDEN, 0.0)
    assert first == Round("stats", ("w1", "w2"))
    ask_everything(schedule, ["w1", "w2"], HIDDEN, 0.0)
    later = schedule.next(["w1", "w2"], frozenset({"view:workers"}), SELDOM)
    assert later == Round("stats", ("w1",))


def test_while_nothing_is_shown_only_the_settings_are_read_again_and_rarely() -> None:
    schedule = Schedule()
    ask_everything(schedule, ["w1"], HIDDEN, 0.0)
    assert ask_everything(schedule, ["w1"], HIDDEN, 200.0) == []
    assert ask_everything(schedule, ["w1"], HIDDEN, 400.0) == [Question("conf", "w1")]


def test_the_worker_on_the_screen_is_asked_often_the_others_seldom() -> None:
    schedule = Schedule()
    topics = frozenset({"view:workers", "worker:w1"})
    ask_everything(schedule, ["w1", "w2"], topics, 0.0)
    soon = ask_everything(schedule, ["w1", "w2"], topics, OFTEN)
    assert soon == [Question("stats", "w1")]
    after = ask_everything(schedule, ["w1", "w2"], topics, LESS_OFTEN)
    assert {question.hostname for question in after} == {"w1"}
    assert {question.command for question in after} == {"stats", "active_queues", "active", "reserved", "scheduled"}
    later = ask_everything(schedule, ["w1", "w2"], topics, SELDOM)
    assert {question.command for question in later if question.hostname == "w2"} == {"stats", "active_queues"}


def test_a_worker_without_events_is_asked_for_its_tasks_on_any_screen() -> None:
    schedule = Schedule()
    topics = frozenset({"quiet:w1"})
    ask_everything(schedule, ["w1"], topics, 0.0)
    asked = {question.command for question in ask_everything(schedule, ["w1"], topics, OFTEN)}
    assert asked == {"active", "reserved", "scheduled"}


def test_a_silent_worker_is_asked_half_as_often_each_time_up_to_a_limit() -> None:
    schedule, topics = Schedule(), frozenset({"quiet:w1"})
    times: list[float] = []
    now = 0.0
    for command in FIRST:
        schedule.asked(Question(command, "w1"), now, answered=command != "active")
    while len(times) < 9:
        now += 1.0
        turn = schedule.next(["w1"], topics, now)
        if turn is not None:
            schedule.asked(Question(turn.command, "w1"), now, answered=turn.command != "active")
            times += [now] if turn.command == "active" else []
    pauses = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert max(pauses) == BACK_OFF_LIMIT


def test_an_answer_ends_the_back_off() -> None:
    schedule, topics = Schedule(), frozenset({"quiet:w1"})
    ask_everything(schedule, ["w1"], topics, 0.0)
    for _ in range(5):
        schedule.asked(Question("active", "w1"), 0.0, answered=False)
    schedule.asked(Question("active", "w1"), 0.0, answered=True)
    assert Question("active", "w1") in ask_everything(schedule, ["w1"], topics, OFTEN)


def test_a_restarted_worker_is_asked_anew() -> None:
    schedule = Schedule()
    ask_everything(schedule, ["w1", "w2"], HIDDEN, 0.0)
    schedule.forget("w1")
    assert {question.hostname for question in ask_everything(schedule, ["w1", "w2"], HIDDEN, 1.0)} == {"w1"}


def test_a_refresh_asks_everything_again() -> None:
    schedule = Schedule()
    ask_everything(schedule, ["w1"], HIDDEN, 0.0)
    schedule.forget_all()
    assert len(ask_everything(schedule, ["w1"], HIDDEN, 0.1)) == len(FIRST)
