"""Install what the real servers need on a Debian machine: `PYTHONPATH=tests python -m servers.install`.

Installs as root; says what is missing otherwise. Go new enough for the S3 server is not among Debian 12's packages.
"""

import os
import shutil
import subprocess
import sys

from servers import kafka, postgres, s3
from servers.process import ServerMissing

PROGRAMS = {"java": "openjdk-17-jre-headless", "mvn": "maven", "kcat": "kcat", "setpriv": "util-linux"}
POSTGIS = "/usr/share/postgresql/15/extension/postgis.control"


def lacking() -> list[str]:
    """Debian packages that this machine has not."""
    packages = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    return packages if os.path.exists(POSTGIS) else [*packages, postgres.PACKAGE]


def main() -> int:
    """The exit code: 0 when every server can be had."""
    packages = lacking()
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if packages and (os.geteuid() != 0 or shutil.which("apt-get") is None):
        print(f"missing: {' '.join(packages)}; as root on Debian: {' '.join(command)}", file=sys.stderr)
    elif packages:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(command, check=True, env=environment)
    missing = 0
    for name, fetched in (("Kafka", kafka.fetch), ("PostgreSQL", postgres.programs), ("S3", s3.fetch)):
        try:
            print(f"{name}: {fetched()}")
        except ServerMissing as e:
            missing += 1
            print(f"{name}: {e}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
