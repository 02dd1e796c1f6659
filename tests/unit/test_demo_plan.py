"""The demo's plan: as many events as wanted, the same each time, and one release that crashes often."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.plan import BAD, BAD_CRASH, DAY_SECONDS, FAULTS, GOOD, MENDED, UNLUCKY, App, visits

SENTRY, RAYGUN = App("one", sessions=True), App("two", sessions=False)


@given(st.integers(1, 400), st.sampled_from([(SENTRY,), (RAYGUN,), (SENTRY, RAYGUN)]), st.integers())
def test_exactly_as_many_as_wanted_are_sent(total: int, apps: tuple[App, ...], seed: int) -> None:
    planned = list(visits(apps, total, seed))
    assert sum(visit.items for visit in planned) == total
    assert all(visit.items for visit in planned)


def test_each_demo_is_the_same() -> None:
    assert list(visits((SENTRY, RAYGUN), 300)) == list(visits((SENTRY, RAYGUN), 300))


@pytest.mark.parametrize("app", [SENTRY, RAYGUN])
def test_visits_fail_by_faults_of_their_outcome(app: App) -> None:
    for visit in visits((app,), 2000):
        known = FAULTS[visit.outcome] + ((BAD_CRASH,) if visit.release == BAD else ())
        assert visit.fault in known


def test_the_bad_release_goes_bad_at_a_moment_and_one_customer_meets_many_bugs() -> None:
    planned = list(visits((SENTRY,), 5000))
    bad = [visit for visit in planned if visit.release == BAD]
    moment = max(visit.ago for visit in bad if visit.fault == BAD_CRASH)
    before, after = ([v for v in bad if (v.ago > moment) == is_before] for is_before in (True, False))
    assert len(before) > 50
    assert sum(v.outcome == "crash" for v in before) / len(before) < 0.06
    assert sum(v.outcome == "crash" for v in after) / len(after) > 0.25
    unlucky = {visit.fault for visit in planned if visit.customer == UNLUCKY and visit.outcome in ("crash", "handled")}
    assert len(unlucky) >= 5
    assert planned[0].ago == pytest.approx(DAY_SECONDS)
    assert [visit.ago for visit in planned] == sorted((visit.ago for visit in planned), reverse=True)
    assert {visit.environment for visit in planned} == {"production", "staging"}
    assert planned[-1].ago == 0


def test_the_second_release_crashes_often_and_the_third_fixes_it() -> None:
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    order = []
    for visit in visits((SENTRY,), 5000):
        outcomes[visit.release][visit.outcome] += 1
        order.append(visit.release)
    rate = {release: counted["crash"] / counted.total() for release, counted in outcomes.items()}
    assert rate[BAD] > 5 * rate[GOOD]
    assert rate[MENDED] < rate[GOOD] * 2
    assert list(dict.fromkeys(order)) == [GOOD, BAD, MENDED]
    assert BAD not in order[order.index(MENDED) :]
