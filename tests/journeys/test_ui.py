"""As a data engineer: open the UI, look at the graph, rebuild one market by clicking in the job's partitions page."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from orchestration.settings import PROJECT_ROOT
from tests.browser import page, picture  # noqa: F401
from tests.chain import Installation, shop_csv

PATIENCE_SECONDS = 240
ROWS = shop_csv(
    "900001,22423,CAKE STAND,5,2011-01-10 10:00:00,12.75,buyer-1,France",
    "900002,85123A,HEART HOLDER,6,2011-01-15 10:00:00,2.55,buyer-2,United Kingdom",
)


@dataclass(frozen=True)
class Site:
    """A running UI and the installation behind it."""

    address: str
    house: Installation


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("ui")
    house = Installation(home / "home")
    house.arrive({"online_retail_1.csv": ROWS})
    (home / "dagster").mkdir()
    shutil.copy(PROJECT_ROOT / "deploy" / "dagster.local.yaml", home / "dagster" / "dagster.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (home / "dev.log").open("wb")
    process = subprocess.Popen(
        [Path(sys.executable).parent / "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TRADEWIND_HOME": str(home / "home"), "DAGSTER_HOME": str(home / "dagster")},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_up(address), f"the UI did not start: {home / 'dev.log'}")
        yield Site(address, house)
    finally:
        # Code servers outlive the parent for a while; a test leaves nobody behind.
        everybody = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for member in everybody:
            if member.is_running():
                member.kill()
        process.wait()
        log.close()


def is_up(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(condition: object, otherwise: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(1)


def last_run(address: str) -> dict[str, str]:
    query = {"query": "{ runsOrError(limit: 1) { ... on Runs { results { status jobName tags { key value } } } } }"}
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps(query).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        runs = json.load(answer)["data"]["runsOrError"]["results"]
    return {} if not runs else {"status": runs[0]["status"], **{tag["key"]: tag["value"] for tag in runs[0]["tags"]}}


@pytest.mark.browser
def test_the_job_shows_its_assets(site: Site, page: Page) -> None:  # noqa: F811
    page.goto(f"{site.address}/locations/tradewind/jobs/market_job")
    expect(page.get_by_text(re.compile(r"View \d+ assets"))).to_be_visible(timeout=90_000)
    expect(page.get_by_text("At 02:00 AM UTC").first).to_be_visible()
    picture(page, "market_job")


@pytest.mark.browser
def test_one_market_is_rebuilt_by_clicking(site: Site, page: Page) -> None:  # noqa: F811
    page.goto(f"{site.address}/locations/tradewind/jobs/market_job/partitions")
    page.get_by_role("button", name="Materialize…").click(timeout=90_000)
    # The arrivals were taken outside of this UI, which therefore warns that it has not seen them.
    page.get_by_role("button", name="Confirm").click(timeout=60_000)
    # The dialog proposes all markets: take all out, then choose one.
    page.get_by_role("button", name="Custom").click()
    page.get_by_text("partitions selected").click()
    page.get_by_text("Select all (").click()
    page.get_by_text("FR", exact=True).first.click()
    page.keyboard.press("Escape")
    picture(page, "launch_one_market")
    page.get_by_role("button", name="Launch 1 run").click()
    expect(page.get_by_text("Launched run")).to_be_visible(timeout=60_000)

    wait_for(lambda: last_run(site.address).get("status") in ("SUCCESS", "FAILURE"), "the run did not end")
    run = last_run(site.address)
    assert (run["status"], run["dagster/partition"]) == ("SUCCESS", "FR")
    assert site.house.read("select market, order_no from fct_orders") == [("FR", "900001")]
    assert site.house.pending("GB")

    page.goto(f"{site.address}/assets/marts/fct_order_lines?view=overview")
    expect(page.get_by_text("Surrogate key of the order line leg.").first).to_be_visible(timeout=60_000)
    picture(page, "fct_order_lines")
