from instep.sandbox import FaultKind, Faults, Response
from instep.sandbox.faults import spoiled


def test_a_fault_can_wait_for_the_third_call_it_is_meant_for() -> None:
    faults = Faults()
    faults.add("query", "server_error", after=2)
    calls = ["query", "limits", "query", "query", "query"]
    hit = [faults.take(label, f"/{label}", False) is not None for label in calls]
    assert hit == [False, False, False, True, False]


def test_an_answer_with_the_wrong_content_type_keeps_its_body() -> None:
    answer = spoiled(Response.of({"a": 1}), FaultKind.WRONG_CONTENT_TYPE)
    assert (answer.body, answer.content_type) == (b'{"a":1}', "text/html; charset=UTF-8")
