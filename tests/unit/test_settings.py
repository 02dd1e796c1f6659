"""Settings: a name that is none is logged, with the one that was probably meant."""

import logging

import pytest

from app.settings import load, unknown


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FAULTLINE_RETENTION_DAY", "FAULTLINE_RETENTION_DAYS is one"),
        ("FAULTLINE_KAFKA_SESION", "FAULTLINE_KAFKA_SESSION is one"),
        ("FAULTLINE_XYZZY", "`faultline settings` lists those there are"),
    ],
)
def test_an_unknown_name_is_reported_with_the_nearest(name: str, text: str) -> None:
    assert unknown({name: "1", "FAULTLINE_PORT": "1"}) == [f"{name} is no setting and changes nothing; {text}"]


def test_names_that_processes_and_tests_pass_on_are_not_reported() -> None:
    names = ("SETTINGS", "READY_FD", "PARENT_FD", "TEST_DATABASE", "TRUTH_EVENTS", "CHROMIUM", "DATA", "KAFKA_SESSION")
    assert unknown({f"FAULTLINE_{name}": "x" for name in names} | {"FAULTLINES": "x", "PATH": "x"}) == []


def test_an_unknown_name_is_logged_once_and_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert load({"FAULTLINE_PRT": "9000", "FAULTLINE_HOST": "::1"}).host == "::1"
        load({"FAULTLINE_PRT": "9000", "FAULTLINE_PARENT_FD": "3"})
    assert [record.getMessage() for record in caplog.records] == [
        "FAULTLINE_PRT is no setting and changes nothing; FAULTLINE_PORT is one"
    ]
