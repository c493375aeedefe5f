"""The page for people, in a real browser that reaches nothing but this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.api.serving import described
from tests.gateway.api.riverton import HEADER, row

SWAGGER = Path(__file__).resolve().parents[3] / "gateway" / "api" / "swagger"


def test_what_is_vendored_is_what_its_authors_published():
    lines = (SWAGGER / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split(maxsplit=1)) for line in lines)
    assert {path.name for path in SWAGGER.iterdir()} - listed.keys() == {"README", "SHA256SUMS", "page.html", "start.js"}
    for name, digest in listed.items():
        assert hashlib.sha256((SWAGGER / name).read_bytes()).hexdigest() == digest, name


@pytest.fixture
def page(browser, riverton):
    """The page, with everything that it asked for and everything that it complained of."""
    opened = browser.new_page()
    opened.asked, opened.complaints = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("console", lambda said: opened.complaints.append(said.text) if said.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.goto(f"{riverton.base}/docs")
    opened.wait_for_selector(".opblock")
    yield opened
    opened.close()


def test_every_operation_is_shown_and_nothing_is_fetched_from_elsewhere(page, riverton):
    assert page.locator(".opblock").count() == sum(map(len, described()["paths"].values()))
    assert page.locator(".opblock", has_text="/v1/systems/{system}/{feed}").count() == 1
    fetched = [url for url in page.asked if not url.startswith("data:")]
    assert fetched
    assert all(url.startswith(f"{riverton.base}/") for url in fetched)
    assert page.complaints == []


def test_a_person_tries_an_operation_with_a_key(page, riverton):
    receipt = riverton.send(HEADER + row("U-1")).json()["receipt"]
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input[aria-label='auth-bearer-value']").fill(riverton.keys["vendor"])
    page.locator(".auth-container button[type=submit]").first.click()
    page.locator(".btn-done").first.click()
    page.locator("#operations-receipts-receipt_of_a_document .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.locator("tr[data-param-name=receipt] input").fill(receipt)
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert receipt in page.locator(".live-responses-table .microlight").first.inner_text()
    assert page.complaints == []


def test_the_page_runs_under_a_strict_policy_and_no_other_file_is_served(riverton):
    with riverton.client() as client:
        policy = client.get("/docs/").headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert client.get("/docs/SHA256SUMS").status_code == 422
        assert client.get("/docs/..%2f..%2fapp.py").status_code in {404, 422}
