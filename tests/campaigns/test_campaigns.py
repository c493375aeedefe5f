"""Every campaign in its short form: the same faults, fewer of them, and every mutant is caught.

python3 dev.py campaign NAME --count 500      the long form
"""

from __future__ import annotations

import shutil

import pytest

from tests.campaigns import api, broker, disk, kill, large, leak, odbc, powercut, withdraw, withdraw_broker

SEED = 20_260_301
"""Fixed, so that a red run is red again; the long form takes another one each time."""


def report(tally):
    print(tally.line())
    assert tally.clean, tally.line()


@pytest.mark.skipif(shutil.which("fusermount3") is None, reason="fuse3 is not installed")
def test_nothing_that_was_acknowledged_is_lost_in_a_power_cut():
    report(powercut.campaign(6, SEED, print))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_killed_gateway_loses_nothing_and_repeats_nothing(rabbitmq):
    report(kill.campaign(9, SEED, print, broker=rabbitmq))


def test_an_outage_of_the_broker_costs_nothing_but_time(rabbitmq):
    report(broker.campaign(2, SEED, print, broker=rabbitmq))


def test_a_full_disk_halts_and_a_larger_one_goes_on():
    try:
        report(disk.campaign(2, SEED, print))
    except PermissionError as e:
        pytest.skip(str(e))


def test_memory_does_not_grow_with_the_file():
    tally = large.campaign(8, SEED, print)
    report(tally)
    assert tally.extra["rss_mb"] < 200


def test_every_committed_row_is_read_and_every_record_is_written_once(postgres):
    report(odbc.campaign(120, SEED, print, postgres=postgres))


def test_the_facade_answers_as_its_document_says_and_never_fails():
    tally = api.campaign(400, SEED, print)
    report(tally)
    assert {200, 202, 401, 403, 404, 422} <= tally.extra["answers"].keys()


def test_nothing_leaves_that_no_agreement_gives():
    report(leak.campaign(600, SEED, print))


def test_what_may_no_longer_be_held_is_taken_back_whatever_happens():
    report(withdraw.campaign(6, SEED, print))


def test_the_queues_of_a_real_broker_hold_nothing_that_was_not_taken_back(rabbitmq):
    report(withdraw_broker.campaign(2, SEED, print, broker=rabbitmq))
