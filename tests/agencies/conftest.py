"""A broker with logins and access lists, with a user for every room and agency, and the plan applied by its administrator."""

import pytest
from agencies.users import AGENCIES, PASSWORD, USERS, login, rights
from kafka_bus.running import wait_for
from servers.kafka import Kafka

from jagawana.schemas.topics import Topic
from jagawana.services.agencies.applying import admin_client, apply, plan


@pytest.fixture(scope="session")
def secure(secure_kafka: Kafka) -> Kafka:
    """Topics, users and rights are there. What earlier tests left in the topics is still there."""
    for user in USERS:
        secure_kafka.add_user(user, PASSWORD)
    with admin_client(login(secure_kafka)) as admin:
        apply(admin, plan(admin, AGENCIES))
        wait_for(lambda: plan(admin, AGENCIES).is_done, "the access list is known")
    wait_for(lambda: bool(rights(secure_kafka, AGENCIES[0].name, Topic.ALERTS)), "the access list is in force")
    return secure_kafka
