"""Threads come back, or are written off and replaced; either way the others go on."""

import threading
import time
from datetime import timedelta

from gateway.workers import Job, Workers

SHORT = timedelta(milliseconds=50)


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def watch(workers, condition):
    def round_():
        workers.check()
        return condition()

    until(round_)


def test_a_worker_that_hangs_is_written_off_and_the_next_job_still_runs():
    lost, done, hang = [], threading.Event(), threading.Event()
    after = []

    def stuck(job):
        with job.within(SHORT):
            hang.wait()
        after.append("touched something")

    workers = Workers(1, lost.append, grace=SHORT)
    job = Job("cad", "calls", stuck, cancel=lambda: None)
    workers.submit(job)
    workers.submit(Job("rms", "cases", lambda _: done.set(), cancel=lambda: None))
    watch(workers, done.is_set)
    assert lost == [job]
    hang.set()
    time.sleep(0.05)
    assert after == []
    assert workers.stop(timedelta(seconds=2))


def test_a_call_past_its_deadline_is_cancelled_and_may_still_come_back_in_time():
    lost, closed = [], threading.Event()
    outcome = []

    def slow(job):
        with job.within(SHORT):
            closed.wait()
        outcome.append("back")

    workers = Workers(1, lost.append, grace=timedelta(seconds=5))
    workers.submit(Job("cad", "calls", slow, cancel=closed.set))
    watch(workers, lambda: outcome)
    assert lost == []
    assert workers.stop(timedelta(seconds=2))


def test_a_cancel_that_hangs_holds_nobody_up():
    lost, hang = [], threading.Event()

    def stuck(job):
        with job.within(SHORT):
            hang.wait()

    workers = Workers(1, lost.append, grace=SHORT)
    workers.submit(Job("cad", "calls", stuck, cancel=hang.wait))
    watch(workers, lambda: lost)
    hang.set()


def test_a_job_outside_a_call_has_no_deadline():
    lost, done = [], threading.Event()

    def long(_):
        time.sleep(0.2)
        done.set()

    workers = Workers(1, lost.append, grace=SHORT)
    workers.submit(Job("cad", "calls", long, cancel=lambda: None))
    watch(workers, done.is_set)
    assert lost == []
    assert workers.stop(timedelta(seconds=2))
