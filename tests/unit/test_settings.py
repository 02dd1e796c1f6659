"""Settings: names that are none are told, with the one that was probably meant."""

import logging

import pytest

from app.settings import load, unknown


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("FAULTLINE_RETENTION_DAY", "FAULTLINE_RETENTION_DAYS is one"),
        ("FAULTLINE_KAFKA_SESION", "FAULTLINE_KAFKA_SESSION is one"),
        ("FAULTLINE_XYZZY", "`faultline settings` lists those there are"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_nearest(name: str, says: str) -> None:
    assert unknown({name: "1", "FAULTLINE_PORT": "1"}) == [f"{name} is no setting and changes nothing; {says}"]


def test_what_processes_and_tests_hand_on_is_not() -> None:
    names = ("SETTINGS", "READY_FD", "PARENT_FD", "TEST_DATABASE", "TRUTH_EVENTS", "CHROMIUM", "DATA", "KAFKA_SESSION")
    assert unknown({f"FAULTLINE_{name}": "x" for name in names} | {"FAULTLINES": "x", "PATH": "x"}) == []


def test_it_is_said_once_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert load({"FAULTLINE_PRT": "9000", "FAULTLINE_HOST": "::1"}).host == "::1"
        load({"FAULTLINE_PRT": "9000", "FAULTLINE_PARENT_FD": "3"})
    assert [record.getMessage() for record in caplog.records] == [
        "FAULTLINE_PRT is no setting and changes nothing; FAULTLINE_PORT is one"
    ]
