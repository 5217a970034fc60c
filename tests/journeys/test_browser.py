"""The browser itself: a page of this machine is shown, and nothing beyond this machine is asked for."""

import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Error

from tests import browser
from tests.browser import page  # noqa: F401

PAGE = """<!doctype html><meta charset="utf-8"><title>Markets</title>
<h1>Märkte</h1><button onclick="this.textContent = 'rebuilt'">rebuild GB</button>"""


@pytest.fixture
def address():
    """Address of a small server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.browser
def test_a_page_is_shown_clicked_and_pictured(page, address, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(browser, "PICTURES", tmp_path / "pictures")
    page.goto(address)
    assert page.title() == "Markets"
    page.get_by_role("button", name="rebuild GB").click()
    assert page.get_by_role("button").inner_text() == "rebuilt"
    picture = browser.picture(page, "markets")
    content = picture.read_bytes()
    assert picture == tmp_path / "pictures" / "markets.png"
    assert struct.unpack(">II", content[16:24]) == (1600, 1000)


@pytest.mark.browser
def test_no_other_host_is_found(page):  # noqa: F811
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://tradewind.example/")


def test_without_chromium_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="apt-get install chromium"):
        browser.executable()
