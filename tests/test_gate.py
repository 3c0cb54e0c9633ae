"""Who gets in, through which door, with how much. The app behind the gate only says "in"."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from ui.gate import (
    CONTENT_SECURITY_POLICY,
    MAX_BODY_BYTES,
    Gate,
    make_launch_token,
    make_launch_url,
)

PORT = 7860
HERE = f"127.0.0.1:{PORT}"
SECRET = "a secret of this installation"
EVENT = "/gradio_api/queue/join"


@dataclass
class Behind:
    """The app behind the gate: remembers what reached it."""

    seen: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        if scope["method"] == "POST":
            self.bodies.append((await receive())["body"])
        headers = [
            (b"content-type", b"text/plain"),
            (b"access-control-allow-origin", b"*"),
            (b"Access-Control-Allow-Credentials", b"true"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"in"})


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Browser:
    """Sends requests through one gate, with the cookie once it has one."""

    def __init__(self, port: int = PORT) -> None:
        self.behind = Behind()
        self.gate = Gate(self.behind, host="127.0.0.1", port=port, secret=SECRET)
        self.cookie: str | None = None

    def ask(
        self,
        path: str = "/",
        method: str = "GET",
        body: list[bytes] | None = None,
        **headers: str,
    ) -> Answer:
        path, _, query = path.partition("?")
        named = {"host": HERE} | {key.replace("_", "-"): value for key, value in headers.items()}
        if self.cookie:
            named.setdefault("cookie", self.cookie)
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(key.encode(), value.encode()) for key, value in named.items() if value],
        }
        return asyncio.run(self._send(scope, body or [b""]))

    async def _send(self, scope: dict[str, Any], body: list[bytes]) -> Answer:
        parts = list(body)
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            part = parts.pop(0) if parts else b""
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.gate(scope, receive, send)
        headers = {key.decode().lower(): value.decode() for key, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, sent[1]["body"])

    def come_in(self) -> Answer:
        answer = self.ask(f"/?token={make_launch_token(SECRET)}")
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        return answer


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def guest() -> Browser:
    browser = Browser()
    browser.come_in()
    return browser


# --- coming in ----------------------------------------------------------------------------


def test_a_launch_link_gives_a_cookie_and_leaves_no_token_in_the_address(browser):
    answer = browser.come_in()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in answer.headers["set-cookie"]
    assert browser.ask("/").body == b"in"


def test_a_launch_link_works_once(browser):
    link = f"/?token={make_launch_token(SECRET)}"
    assert browser.ask(link).status == 303
    assert browser.ask(link).status == 401


def test_a_spent_link_still_leads_to_the_page_for_who_is_in(guest):
    link = f"/?token={make_launch_token(SECRET)}"
    guest.ask(link)
    assert guest.ask(link).status == 303


MADE_UP = {"none": "", "a word": "x", "two": "x.y", "foreign": make_launch_token("another secret")}


@pytest.mark.parametrize("token", MADE_UP.values(), ids=MADE_UP)
def test_a_made_up_token_is_refused(browser, token):
    answer = browser.ask(f"/?token={token}")
    assert answer.status == 401
    assert "set-cookie" not in answer.headers


def test_without_a_cookie_the_page_says_how_to_open_it(browser):
    answer = browser.ask("/")
    assert answer.status == 401
    assert b"Open it with the link" in answer.body
    assert browser.behind.seen == []


@pytest.mark.parametrize("path", ["/config", "/api/v1/status", "/gradio_api/queue/data"])
def test_without_a_cookie_nothing_is_told(browser, path):
    assert browser.ask(path).status == 401
    assert browser.behind.seen == []


def test_a_cookie_of_another_installation_is_refused(browser):
    other = Gate(Behind(), host="127.0.0.1", port=PORT, secret="another")
    browser.cookie = f"{other._cookie_name}={other._cookie}"
    assert browser.ask("/").status == 401


def test_the_cookie_outlives_a_restart_of_the_app(guest):
    restarted = Browser()
    restarted.cookie = guest.cookie
    assert restarted.ask("/").status == 200


def test_a_local_command_comes_in_with_the_secret(browser):
    assert browser.ask("/api/v1/versions", authorization=f"Bearer {SECRET}").status == 200
    assert browser.ask("/api/v1/versions", authorization="Bearer guess").status == 401


def test_anybody_on_this_machine_may_ask_whether_the_app_runs(browser):
    assert browser.ask("/healthz").status == 200


def test_the_launch_url_leads_to_this_machine():
    assert make_launch_url("127.0.0.1", PORT, SECRET).startswith(f"http://{HERE}/?token=")


# --- from where ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        f"evil.com:{PORT}",
        f"localhost.evil.com:{PORT}",
        f"192.168.1.5:{PORT}",
        "127.0.0.1",
        "127.0.0.1:7861",
        "",
    ],
)
def test_another_host_name_is_refused(guest, host):
    before = len(guest.behind.seen)
    assert guest.ask("/config", host=host).status == 421
    assert len(guest.behind.seen) == before


@pytest.mark.parametrize("host", [HERE, f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_the_loopback_names_with_our_port_are_served(guest, host):
    assert guest.ask("/config", host=host).status == 200


def test_two_host_headers_are_refused(guest):
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/config",
        "query_string": b"",
        "headers": [(b"host", b"evil.com"), (b"host", HERE.encode())],
    }
    assert asyncio.run(guest._send(scope, [b""])).status == 421


@pytest.mark.parametrize(
    "origin",
    ["http://evil.com", "null", "http://127.0.0.1:9999", f"https://{HERE}", f"http://{HERE}.evil"],
)
def test_a_page_of_another_origin_is_refused(guest, origin):
    answer = guest.ask(EVENT, "POST", [b"{}"], origin=origin)
    assert answer.status == 403
    assert guest.behind.bodies == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("kind", ["multipart/form-data", "text/plain", "application/json"])
def test_a_request_that_another_site_started_is_refused(guest, site, kind):
    answer = guest.ask(EVENT, "POST", [b"{}"], sec_fetch_site=site, content_type=kind)
    assert answer.status == 403
    assert guest.behind.bodies == []


def test_a_link_from_another_site_may_open_the_front_page(guest):
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert guest.ask("/", **link, sec_fetch_dest="document").status == 200
    assert guest.ask("/", **link, sec_fetch_dest="iframe").status == 403
    assert guest.ask("/config", **link, sec_fetch_dest="document").status == 403


def test_a_link_that_brings_no_strict_cookie_reloads_from_here(browser):
    headers = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    answer = browser.ask("/", sec_fetch_site="cross-site", **headers)
    assert b'http-equiv="refresh"' in answer.body
    assert browser.ask("/", sec_fetch_site="same-origin", **headers).status == 401


# --- through which door -------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/theme.css",
        "/assets/index-abc.js",
        "/static/fonts/x.woff2",
        "/gradio_api/queue/data",
        "/gradio_api/startup-events",
        "/api/v1/status",
    ],
)
def test_the_page_gets_what_it_needs(guest, path):
    assert guest.ask(path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/openapi.json",
        "/monitoring",
        "/monitoring/summary",
        "/login_check",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=https://example.com/",
        "/gradio_api/proxy=https://x.example/",
        "/gradio_api/deep_link",
        "/gradio_api/runs",
        "/gradio_api/token",
        "/gradio_api/../gradio_api/token",
        "//gradio_api/token",
        "/static/../../etc/passwd",
        "/assets/..%2f",
    ],
)
def test_other_doors_stay_shut(guest, path):
    assert guest.ask(path).status == 404


@pytest.mark.parametrize("name", ["upload", "component_server", "run/a/b", "call/reply"])
def test_nothing_can_be_posted_elsewhere(guest, name):
    assert guest.ask(f"/gradio_api/{name}", "POST", [b"{}"]).status == 404
    assert guest.behind.bodies == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_unknown(guest, method):
    assert guest.ask("/config", method).status == 404


def test_there_are_no_websockets():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    gate = Gate(Behind(), host="127.0.0.1", port=PORT, secret=SECRET)
    asyncio.run(gate({"type": "websocket", "headers": []}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


# --- with how much, and back --------------------------------------------------------------


def test_a_body_arrives_whole(guest):
    guest.ask(EVENT, "POST", [b'{"data":', b"[1]}"])
    assert guest.behind.bodies == [b'{"data":[1]}']


def test_a_body_over_the_limit_is_refused_while_it_is_read(guest):
    half = b"x" * (MAX_BODY_BYTES // 2)
    assert guest.ask(EVENT, "POST", [half, half]).status == 200
    answer = guest.ask(EVENT, "POST", [half, half, b"x"])
    assert answer.status == 413
    assert len(guest.behind.bodies) == 1


def test_every_answer_bears_the_safety_headers(guest, browser):
    for answer in (guest.ask("/"), guest.ask("/docs"), browser.ask("/"), browser.ask("/config")):
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_no_other_origin_is_ever_allowed_to_read(guest):
    assert not [name for name in guest.ask("/").headers if name.startswith("access-control")]


def test_forwarded_addresses_never_reach_the_app(guest):
    guest.ask("/config", x_forwarded_host="evil.com", x_gradio_server="http://evil.com")
    names = {key for key, _ in guest.behind.seen[-1]["headers"]}
    assert not names & {b"x-forwarded-host", b"x-gradio-server"}


def test_a_refusal_says_why(guest):
    assert "host name" in json.loads(guest.ask("/", host="evil.com").body)["detail"]
