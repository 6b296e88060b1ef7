"""The page, answered in a thread of the process that shows it."""

import threading

import uvicorn
from fastapi import FastAPI


def serve(app: FastAPI, port: int, host: str = "127.0.0.1") -> uvicorn.Server:
    """Answer in a thread, on this machine only unless another host is given; set `should_exit` to end it."""
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", log_config=None))
    threading.Thread(target=server.run, daemon=True, name="page").start()
    return server
