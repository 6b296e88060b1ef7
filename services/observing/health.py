"""Metrics and health over HTTP: numbers and words of this process, nothing of what it works on."""

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, generate_latest

from jagawana.services.bus.kafka.progress import Progress

ALIVE_SECONDS = 180.0
"""Longer than a process waits before it ends by itself for want of progress."""
TEXT = "text/plain; version=1.0.0; charset=utf-8"


@dataclass
class Health:
    """Alive: something was done not long ago. Ready: alive, and it has started."""

    progress: Progress
    alive_seconds: float = ALIVE_SECONDS
    has_started: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether something was done not long ago."""
        return self.progress.age() <= self.alive_seconds

    @property
    def is_ready(self) -> bool:
        """Whether it does its work."""
        return self.has_started and self.is_alive


def endpoints(registry: CollectorRegistry, health: Health) -> FastAPI:
    """GET /metrics, /health/live, /health/ready."""
    app = FastAPI(title="jagawana", openapi_url=None)
    looking = asyncio.Lock()

    @app.get("/metrics")
    async def metrics() -> Response:
        async with looking:  # two who ask at once get one look into the database
            return Response(await asyncio.to_thread(generate_latest, registry), media_type=TEXT)

    @app.get("/health/live")
    async def live(response: Response) -> dict[str, object]:
        response.status_code = 200 if health.is_alive else 503
        return {"alive": health.is_alive, "progress_age_s": round(health.progress.age(), 1)}

    @app.get("/health/ready")
    async def ready(response: Response) -> dict[str, object]:
        response.status_code = 200 if health.is_ready else 503
        return {"ready": health.is_ready, "started": health.has_started}

    return app
