"""Real servers for tests: one of each kind per test process, started when first asked for.

Tests that use one carry the marker `services`, given here. `--servers` says what becomes of them: `if-there` (skipped, with
what to install, when the server cannot be had), `required` (failed then, and it is an error if none ran), `none` (skipped).
"""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from servers.fixtures import running
from servers.kafka import Kafka
from servers.postgres import Postgres
from servers.s3 import S3
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from jagawana.services.store.postgresql import engine_of
from jagawana.services.store.schema import bring_up_to_date

MARKER = "services"
ON_SERVERS = ("on real servers", "yes")
"""In a report. Its keywords would not do: folders called services are among them."""
FIXTURES = {"kafka", "secure_kafka", "postgres", "own_postgres", "s3"}
ran = pytest.StashKey[set[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers", choices=["if-there", "required", "none"], default="if-there", help="what becomes of tests on real servers"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ran] = set()
    config.pluginmanager.register(Ran(config.stash[ran]), "tests-on-real-servers")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKER)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker(MARKER):
        if item.config.getoption("--servers") == "none":
            pytest.skip("tests on real servers: make test-services")
        item.user_properties.append(ON_SERVERS)


class Ran:
    """Which of them ran; with xdist, in all processes."""

    def __init__(self, tests: set[str]) -> None:
        self.tests = tests

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped and ON_SERVERS in map(tuple, report.user_properties):
            self.tests.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    is_worker = hasattr(session.config, "workerinput")
    if exitstatus == 0 and not is_worker and session.config.getoption("--servers") == "required" and not session.config.stash[ran]:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--servers") != "none" and (config.stash[ran] or config.getoption("--servers") == "required"):
        terminalreporter.write_line(f"on real servers: {len(config.stash[ran])} tests ran")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """One broker without security. What earlier tests left in it is still there: `kafka.clear()`."""
    yield from running(request, Kafka())


@pytest.fixture(scope="session")
def secure_kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """One broker with logins over TLS and access lists; at first only its administrator may do anything."""
    yield from running(request, Kafka(secure=True))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    yield from running(request, Postgres())


@pytest.fixture
def own_postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of the test's own, to be killed, filled or restored.

    `@pytest.mark.parametrize("own_postgres", [{"archive": True}], indirect=True)` gives its options.
    """
    yield from running(request, Postgres(**getattr(request, "param", {})))


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A database of the test's own, empty but for PostGIS."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Iterator[Engine]:
    """A database with our tables, whose texts are ordered by language where a column does not say otherwise."""
    postgres.run("CREATE DATABASE migrated TEMPLATE template0 ENCODING UTF8 LOCALE_PROVIDER icu ICU_LOCALE 'id'")
    engine = engine_of(SecretStr(postgres.url("migrated")), is_migrating=True)
    bring_up_to_date(engine)
    engine.dispose()
    engine = engine_of(SecretStr(postgres.url("migrated")))
    yield engine
    engine.dispose()


@pytest.fixture
def on_postgresql(migrated: Engine) -> Engine:
    """Our tables on PostgreSQL, empty."""
    with migrated.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(SQLModel.metadata.tables)} RESTART IDENTITY"))
    return migrated


@pytest.fixture(scope="session")
def s3(request: pytest.FixtureRequest) -> Iterator[S3]:
    yield from running(request, S3())
