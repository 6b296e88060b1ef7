"""Kafka, PostgreSQL and S3 in the foreground until Ctrl-C: `make services`. What they keep is gone then."""

import contextlib
import signal

from servers.kafka import Kafka
from servers.postgres import Postgres
from servers.s3 import S3

KAFKA_PORT, POSTGRES_PORT, S3_PORT = 19092, 15432, 19000
SECRET = "only-for-trying-out"
"""Fixed, so that the printed variables are those of the last time; the servers listen on the loopback address alone."""


def main() -> None:
    """Start, print the variables, wait."""
    with contextlib.ExitStack() as running:
        kafka = running.enter_context(Kafka(ports=[KAFKA_PORT]))
        postgres = running.enter_context(Postgres(port=POSTGRES_PORT, password=SECRET))
        s3 = running.enter_context(S3(port=S3_PORT, key="jagawana", secret=SECRET))
        variables = {
            "JAGAWANA_KAFKA_SERVERS": f"'[\"{kafka.servers[0]}\"]'",
            "JAGAWANA_DATABASE_URL": postgres.new_database(name="jagawana"),
            "JAGAWANA_BLOB_URL": f"s3://{s3.new_bucket('jagawana')}",
            **s3.environment,
        }
        print("".join(f"export {name}={value}\n" for name, value in variables.items()), flush=True)
        print("# Ctrl-C stops them and throws away what they keep", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
