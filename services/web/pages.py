"""The read-only HTTP API: the page, the alerts as GeoJSON, and health. Exact places: bound to this machine only unless told otherwise."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from jagawana.schemas.alert import AlertState
from jagawana.services.notify.exports import to_geojson
from jagawana.services.store import alerts, observations
from jagawana.services.store.database import transaction
from jagawana.services.web.report import render_report
from jagawana.services.web.view import ReportSource, report_view


def pages(source: ReportSource, now: Callable[[], datetime]) -> FastAPI:
    """The application."""
    app = FastAPI(title="jagawana", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return render_report(report_view(source, title="jagawana: possible mining", made_at=now()))

    @app.get("/alerts.geojson")
    def geojson() -> Response:
        with transaction(source.engine) as session:
            records = [r for r in alerts.latest_records(session) if r.content.state is not AlertState.RETRACTED]
        return Response(to_geojson(records), media_type="application/geo+json")

    @app.get("/health")
    def health() -> dict[str, object]:
        with transaction(source.engine) as session:
            tiles, told = observations.tiles(session), alerts.latest_records(session)
        return {"status": "ok", "tiles": len(tiles), "alerts": len(told)}

    return app
