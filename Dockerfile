# One image, one process: the embedded mode. Not built on a machine with a container engine yet (see README, "Not verified").
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml hatch_build.py constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY detectors detectors
COPY rules rules
COPY services services
RUN python -m venv /opt/jagawana \
 && /opt/jagawana/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data jagawana && install -d -o jagawana /data
COPY --from=build /opt/jagawana /opt/jagawana
ENV PATH=/opt/jagawana/bin:$PATH JAGAWANA_DATA=/data PYTHONDONTWRITEBYTECODE=1
USER jagawana
VOLUME /data
HEALTHCHECK --interval=60s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=5)"]
ENTRYPOINT ["jagawana"]
CMD ["up", "--port", "8080"]
