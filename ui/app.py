"""The ASGI app: the gate around our own routes and the Gradio page."""

from __future__ import annotations

import json
import socket
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI

from chatfeedback.api import router
from chatfeedback.session import Session
from ui.chat_words import APP
from ui.gate import App, Gate
from ui.learning import read_status
from ui.page import build_page
from ui.widgets import read_static

STOP_SECONDS = 3  # an open stream would keep the server alive for ever


def build_app(session: Session, *, host: str, port: int, token: str) -> App:
    """Everything the browser talks to.

    Args:
        session: the flow; the pages know nothing below it.
        host, port: the address it is served at; requests under other names are refused.
        token: the installation's secret, see `ui.gate.make_launch_url`.
    """
    return Gate(build_pages(session), host=host, port=port, secret=token)


def build_pages(session: Session) -> FastAPI:
    """The JSON routes and the page, without the gate."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/api/v1/status")
    def status() -> dict[str, Any]:
        return read_status(session, session.default_person().person_id)

    app.include_router(router(session))
    gr.mount_gradio_app(
        app,
        build_page(session),
        path="/",
        theme=make_theme(),
        # Not css=: Gradio would put its own container before every selector.
        head=f"<style>{read_static('style.css')}{read_static('data.css')}</style>"
        f"<script>{{const WORDS = {json.dumps(APP)};\n{read_static('app.js')}}}</script>",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size="1kb",
        allowed_paths=[],
    )
    return app


def make_theme() -> Any:
    """Gradio's plainest theme with the system's fonts; the rest is in static/style.css."""
    fonts = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    code = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(primary_hue="indigo", neutral_hue="slate", font=fonts, font_mono=code)


def serve(app: App, host: str, port: int, listener: socket.socket | None = None) -> None:
    """Serve until interrupted, on a socket that listens already if one is given.

    Conversations never reach a log: there is no access log.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener] if listener else None)
