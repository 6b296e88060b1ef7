# Two images: `slim` (default) for every room, with detection on processors by OpenVINO and without torch; `cuda` with torch, for detect on a GPU.
#   docker build --target slim --tag jagawana:0.1.0 .        docker build --target cuda --tag jagawana:0.1.0-cuda .
# What was built and run of it, and what not: docs/deploying.md.
FROM python:3.11.14-slim-bookworm AS base
# rasterio's wheel takes libexpat from the system, and a slim image has none. Debian's own fixes are wanted, so no version is named.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libexpat1 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /data jagawana && install -d -o jagawana -g jagawana /data
ENV PATH=/opt/jagawana/bin:$PATH

# What is needed, by pip's own word: without our code, so that these layers last until a dependency changes.
FROM base AS dependencies
WORKDIR /src
RUN python -m venv /opt/jagawana
COPY pyproject.toml hatch_build.py constraints.txt README.md LICENSE docker/requirements.py ./
RUN pip install --no-cache-dir --quiet --dry-run --ignore-installed --report report.json --constraint constraints.txt .

FROM dependencies AS build-slim
RUN python requirements.py report.json --without-torch > requirements.txt && pip install --no-cache-dir --no-deps --requirement requirements.txt
COPY schemas schemas
COPY detectors detectors
COPY rules rules
COPY services services
RUN pip install --no-cache-dir --no-deps .

FROM dependencies AS build-cuda
RUN python requirements.py report.json > requirements.txt && pip install --no-cache-dir --no-deps --requirement requirements.txt
COPY schemas schemas
COPY detectors detectors
COPY rules rules
COPY services services
RUN pip install --no-cache-dir --no-deps .

FROM base AS room
ENV HOME=/tmp JAGAWANA_DATA=/data PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 JAGAWANA_METRICS_PORT=9090
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=6 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9090/health/live', timeout=5)"]
ENTRYPOINT ["jagawana"]
CMD ["up", "--port", "8080"]

FROM room AS cuda
COPY --from=build-cuda /opt/jagawana /opt/jagawana
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM room AS slim
COPY --from=build-slim /opt/jagawana /opt/jagawana
