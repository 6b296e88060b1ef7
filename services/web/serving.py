"""The page, answered in a thread of the process that shows it."""

import threading

import uvicorn
from fastapi import FastAPI


def serve(app: FastAPI, port: int) -> uvicorn.Server:
    """Answer on this machine only, in a thread; set `should_exit` to end it."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True, name="page").start()
    return server
