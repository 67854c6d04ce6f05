import pytest

from instep.sandbox import Request, Response, Route


def answer(_: Request) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("route", "body", "is_write"),
    [
        (Route("GET", "/a", answer, "a"), b"", False),
        (Route("POST", "/a", answer, "a"), b"", True),
        (Route("POST", "/a", answer, "a", writes=False), b"", False),
        (Route("POST", "/a", answer, "a", writes=lambda request: b"PATCH" in request.body), b"GET", False),
        (Route("POST", "/a", answer, "a", writes=lambda request: b"PATCH" in request.body), b"PATCH", True),
    ],
)
def test_a_route_says_whether_a_call_asks_for_a_change(route: Route, body: bytes, is_write: bool) -> None:
    assert route.is_write(Request(route.method, "/a", body=body)) is is_write
