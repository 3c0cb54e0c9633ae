"""The gate around the whole app: who may come in, through which door, with how much.

A pure ASGI wrapper, so streams pass unbuffered. Everything is refused unless listed. It guards
against other web pages in the same browser (Host, Origin and Sec-Fetch-Site checks against DNS
rebinding and cross-site requests), against other programs and users of the machine (a launch
token, exchanged for a cookie), and against model output that asks the browser to fetch or post
something (the content security policy).

It uses the standard library only, so that the launcher can make a link without loading the pages.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_BODY_BYTES = 1 << 20
MAX_FILE_BYTES = 64 << 20  # of a file of feedback, to the routes that take one
TAKES_FILES = ("/api/v1/import", "/api/v1/import/preview")
COOKIE_SECONDS = 30 * 24 * 3600
LOOPBACK_NAMES = ("127.0.0.1", "localhost")

# Gradio needs 'unsafe-eval' and inline scripts; what matters is that nothing can be fetched from,
# sent to or framed by another host.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; frame-src 'none'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
SAFETY_HEADERS: Headers = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]

READABLE = re.compile(
    r"/(?:|config/?|theme\.css|favicon\.ico|manifest\.json|healthz"
    r"|api/v1/(?:status|versions|doctor|export)"
    r"|(?:static|assets|svelte)/[\w./-]+"
    r"|gradio_api/(?:queue/data|heartbeat/[\w-]+|startup-events|info/?|theme\.css|app_id))"
)
WRITABLE = re.compile(
    r"/(?:gradio_api/(?:queue/join|run/\w+|cancel|reset)/?|api/v1/(?:learn|rollback|import(?:/preview)?))"
)
OPEN_TO_ALL = {"/healthz"}  # says only that the app runs; still loopback and same host only

COME_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>chatfeedback</title>
<meta name="viewport" content="width=device-width">{refresh}<style>body{{font:16px/1.6 system-ui;
max-width:32rem;margin:20vh auto;padding:0 1.5rem;color-scheme:light dark}}</style>
<h1>{title}</h1><p>{text}</p></html>"""
LOCKED_TITLE = "This page is private"
LOCKED_TEXT = (
    "Open it with the link that the app printed when it started. Each link lets one browser in, "
    "once; start the app again for a new one: it then also opens the page for you."
)


def make_launch_token(secret: str) -> str:
    """A token that lets one browser in, once."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_sign(secret, 'launch', nonce)}"


def make_launch_url(host: str, port: int, secret: str) -> str:
    """The address to open in the person's browser."""
    return f"http://{host}:{port}/?{urlencode({'token': make_launch_token(secret)})}"


def _sign(secret: str, purpose: str, value: str) -> str:
    return hmac.new(secret.encode(), f"{purpose}:{value}".encode(), sha256).hexdigest()


def _same(first: str, second: str) -> bool:
    return hmac.compare_digest(first.encode(), second.encode())


class Gate:
    """Wraps an ASGI app.

    Args:
        app: what is guarded.
        host, port: where the app listens; other names and ports are refused.
        secret: the installation's secret; launch tokens and cookies are derived from it, and local
            commands may send it as `Authorization: Bearer`.
    """

    def __init__(self, app: App, *, host: str, port: int, secret: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in (host, *LOOPBACK_NAMES)}
        if port == 80:
            self._hosts |= {host, *LOOPBACK_NAMES}
        self._secret = secret
        self._cookie_name = f"chatfeedback-{port}"
        self._cookie = _sign(secret, "cookie", "page")
        self._used: set[str] = set()
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {key.decode("latin1"): value.decode("latin1") for key, value in scope["headers"]}
        refusal = self._refuse(scope, headers)
        if refusal is not None:
            return await _answer_json(send, *refusal)
        if scope["path"] == "/" and "token" in parse_qs(scope["query_string"].decode("latin1")):
            return await self._come_in(scope, headers, send)
        if scope["path"] not in OPEN_TO_ALL and not self._is_known(headers):
            return await self._ask_in(scope, headers, send)
        scope["headers"] = _drop_forwarded(scope["headers"])
        if scope["method"] == "POST":
            limit = MAX_FILE_BYTES if scope["path"] in TAKES_FILES else MAX_BODY_BYTES
            body = await _read_body(receive, limit)
            if body is None:
                return await _answer_json(send, 413, f"The body is over {limit} bytes.")
            receive = _replay(body, receive)
        await self._app(scope, receive, _with_safety(send))

    def _refuse(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """(status, reason) of a request that is not even looked at."""
        hosts = [value for key, value in scope["headers"] if key == b"host"]
        if len(hosts) != 1 or headers.get("host", "").lower() not in self._hosts:
            return 421, "This host name is not served here."
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin):
            return 403, "Requests from other pages are refused."
        if not _is_same_site(scope, headers):
            return 403, "Requests from other sites are refused."
        doors = {"GET": READABLE, "HEAD": READABLE, "POST": WRITABLE}.get(scope["method"])
        if doors is None or not doors.fullmatch(scope["path"]) or ".." in scope["path"]:
            return 404, "There is nothing here."
        return None

    def _is_ours(self, origin: str) -> bool:
        parts = urlsplit(origin)
        return parts.scheme == "http" and parts.netloc.lower() in self._hosts

    def _is_known(self, headers: dict[str, str]) -> bool:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if bearer and _same(bearer, self._secret):
            return True
        pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
        return any(
            name == self._cookie_name and _same(value, self._cookie) for name, _, value in pairs
        )

    async def _come_in(self, scope: Scope, headers: dict[str, str], send: Send) -> None:
        """Exchange a launch token for the cookie, and drop it from the address."""
        token = parse_qs(scope["query_string"].decode("latin1"))["token"][0]
        if not (self._is_known(headers) or self._spend(token)):
            return await _answer_page(send, 401, LOCKED_TITLE, LOCKED_TEXT)
        cookie = (
            f"{self._cookie_name}={self._cookie}; Path=/; Max-Age={COOKIE_SECONDS}; "
            "HttpOnly; SameSite=Strict"
        )
        await _answer(
            send, 303, [(b"location", b"/"), (b"set-cookie", cookie.encode())], b"", "text/plain"
        )

    def _spend(self, token: str) -> bool:
        """True the first time a genuine token is shown."""
        nonce, _, signature = token.partition(".")
        if not _same(signature, _sign(self._secret, "launch", nonce)):
            return False
        with self._lock:
            is_new = nonce not in self._used
            self._used.add(nonce)
        return is_new

    async def _ask_in(self, scope: Scope, headers: dict[str, str], send: Send) -> None:
        if scope["path"] != "/":
            return await _answer_json(send, 401, LOCKED_TEXT)
        # A link on another site sends no SameSite=Strict cookie; a reload from here does.
        is_foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if is_foreign:
            return await _answer_page(send, 200, "One moment", "", refresh=True)
        await _answer_page(send, 401, LOCKED_TITLE, LOCKED_TEXT)


def _is_same_site(scope: Scope, headers: dict[str, str]) -> bool:
    """True for requests of our own page, of no page, and for links that lead to the front page."""
    if headers.get("sec-fetch-site") in (None, "same-origin", "none"):
        return True
    return (
        scope["method"] == "GET"
        and scope["path"] == "/"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _drop_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without the headers from which Gradio would believe another root address."""
    return [
        (key, value)
        for key, value in headers
        if not key.startswith(b"x-forwarded") and key not in (b"x-gradio-server", b"forwarded")
    ]


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is over the limit."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > limit:
            return None
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def next_message() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message


def _with_safety(send: Send) -> Send:
    async def safe_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (key, value)
                for key, value in message.get("headers", [])
                if not key.lower().startswith(b"access-control-")
            ]
            message["headers"] = [*kept, *SAFETY_HEADERS]
        await send(message)

    return safe_send


async def _answer_json(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    await _answer(send, status, [], body, "application/json")


async def _answer_page(
    send: Send, status: int, title: str, text: str, *, refresh: bool = False
) -> None:
    tag = '<meta http-equiv="refresh" content="0;url=/">' if refresh else ""
    page = COME_IN.format(title=title, text=text, refresh=tag)
    await _answer(send, status, [], page.encode(), "text/html; charset=utf-8")


async def _answer(send: Send, status: int, headers: Headers, body: bytes, kind: str) -> None:
    start = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *headers,
        *SAFETY_HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
