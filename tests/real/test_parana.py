"""A real river with samples of the same day: what the shipped calibration is worth, each date estimated without itself."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from real.parana import SHARED, match_ups, read_samples, write_archive
from scipy import stats
from shapely import LineString, Point
from shapely.geometry import mapping
from typer.testing import CliRunner

from jagawana.detectors.grid import reproject
from jagawana.detectors.turbidity.agreement import Agreement, agreement
from jagawana.detectors.turbidity.calibration import fit, shipped_calibration
from jagawana.detectors.turbidity.retrieval import dogliotti, ndti, without_glint
from jagawana.services.cli import app

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not SHARED.is_dir(), reason="the match-ups are not beside the project")]
EPSG = 32721
LINE = LineString([(316_340, 6_961_250), (315_790, 6_960_750), (315_400, 6_960_370), (315_060, 6_960_120)])
"""Along the right bank, in the browner of the two waters, downstream."""
SITE = Point(315_620, 6_960_610)
CHAINED = (date(2024, 5, 20), date(2025, 9, 12))
"""A turbid and a clear date."""


@pytest.mark.parametrize("processor", ["sen2cor", "acolite"])
def test_dates_left_out(processor: str) -> None:
    """Measured: L2A 0.955, 21 FNU, -4.6; ACOLITE 0.956, 22 FNU, -4.6."""
    c = fit(match_ups(processor), name=processor, provenance=shipped_calibration().provenance)
    found = c.dates_left_out
    assert (c.match_ups, c.dropped_for_glint, len(c.dates)) == (92, 2, 8)
    assert found.spearman > 0.93 and found.spearman_low is not None and found.spearman_low > 0.88
    assert found.rmse_fnu < 26 and -8 < found.bias_fnu < 2 and 0.9 < found.bias_factor < 1.05
    assert found.factor_68 < 1.7 and found.factor_95 < 2.7


def test_the_shipped_calibration_is_this_fit() -> None:
    shipped = shipped_calibration()
    again = fit(match_ups("sen2cor"), name=shipped.name, provenance=shipped.provenance)
    assert (again.scale, again.power, again.colour) == pytest.approx((shipped.scale, shipped.power, shipped.colour), rel=1e-3)
    assert again.dates == shipped.dates and again.dates_left_out.spearman == pytest.approx(shipped.dates_left_out.spearman, abs=0.005)


def published(processor: str, *, glint: bool) -> Agreement:
    samples = read_samples(processor)
    red, nir, swir = (np.array([s.reflectance[b] for s in samples]) for b in ("B04", "B8A", "B11"))
    if glint:
        red, nir = without_glint(red, swir), without_glint(nir, swir)
    measured = np.array([s.turbidity for s in samples])
    return agreement(np.maximum(dogliotti(red, nir), 0.1), measured, [s.day for s in samples])


def test_what_is_published_needs_its_glint_taken_off() -> None:
    """Rank 0.71 (ACOLITE) and 0.40 (L2A) as it is; 0.88 and 0.89 without glint, and nearly without bias on L2A."""
    assert published("acolite", glint=False).spearman == pytest.approx(0.71, abs=0.02) and published("acolite", glint=False).bias_factor > 2
    assert published("sen2cor", glint=False).spearman < 0.5
    assert published("acolite", glint=True).spearman > 0.86
    corrected = published("sen2cor", glint=True)
    assert corrected.spearman > 0.86 and 0.85 < corrected.bias_factor < 1.1


def test_the_index_ranks_well_and_knows_no_zero_point() -> None:
    m = match_ups("acolite")
    assert stats.spearmanr(ndti(m.green, m.red), m.turbidity_fnu).statistic == pytest.approx(0.940, abs=0.005)


def test_the_command_on_real_scenes_agrees_with_the_samples_there(tmp_path: Path) -> None:
    """Two dates through the whole chain: reaches along the right bank against the samples within 250 m of their line."""
    write_archive(tmp_path / "archive", days=CHAINED)
    shape, site = (reproject(g, EPSG, 4326) for g in (LINE, SITE))
    lines = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": mapping(shape)}]}
    (tmp_path / "river.geojson").write_text(json.dumps(lines))
    arguments = [
        "turbidity", "river", tmp_path / "archive", "--lines", tmp_path / "river.geojson", "--site", f"{site.x:.6f},{site.y:.6f}", "--out",
        tmp_path / "out", "--reach-m", 250, "--downstream-km", 0.7, "--upstream-km", 0.7, "--no-picture", "--data", tmp_path / "none",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exception is None, done.output
    looks = json.loads((tmp_path / "out" / "turbidity.json").read_text())["looks"]
    for day in CHAINED:
        here = [s for s in read_samples("sen2cor") if s.day == day and _distance(s.longitude, s.latitude) < 250]
        seen = [row["turbidity_fnu"] for row in looks if row["date"] == str(day)]
        assert len(here) >= 2 and None not in seen
        ratio = np.median(seen) / np.median([s.turbidity for s in here])
        assert 1 / 1.7 < ratio < 1.7, (day, ratio)


def _distance(longitude: float, latitude: float) -> float:
    return float(reproject(Point(longitude, latitude), 4326, EPSG).distance(LINE))
