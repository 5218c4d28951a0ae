#!/usr/bin/env python3
"""Opens the live page of a real `purecam run demo:` in a headless Chromium and checks that it works.

    pip install playwright; apt-get install chromium     (or: playwright install chromium)
    cargo build --release; tests/page/check.py [--screenshots FOLDER]

Without a browser it says so and exits with 0. It checks, at a desktop's width in both colour schemes and on a phone of 360 pixels:
pictures arrive and change, numbers change, nothing overflows, the console stays empty, every control has a name and gets focus in
turn, text has contrast, pausing pauses, and the page reports a lost service and recovers when the service is back.
"""

import argparse
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "is_mobile": True, "has_touch": True},
}

# The contrast of every text with its background, as WCAG 2.1 defines it; returns the texts below 4.5.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((it) => it.nodeType === 3 && it.textContent.trim());
    if (!own || !node.checkVisibility({ visibilityProperty: true }) || node.closest(".unseen, .frame, noscript")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName} '${node.textContent.trim().slice(0, 30)}': ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Service:
    """A `purecam run` that ends with the block."""

    def __init__(self, binary, port):
        self.command = [binary, "run", "demo:", "--http", f":{port}", "--json", "--config"]
        self.port = port

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.folder.name, "purecam.toml")
        config.write_text("[detect]\nenabled = true\n")
        self.process = subprocess.Popen([*self.command, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)
        raise SystemExit("purecam is not listening")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()


def text(page, selector):
    return page.locator(selector).inner_text()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for_change(page, script, what):
    before = page.evaluate(script)
    try:
        page.wait_for_function(f"(before) => ({script})() !== before", arg=before, timeout=15000)
    except Exception as error:
        raise AssertionError(f"{what} does not change from {before!r}") from error


def check_view(page, name):
    for kind in ["raw", "purified"]:
        page.wait_for_function(f"() => document.getElementById('{kind}-image').naturalWidth > 0", timeout=20000)
        wait_for_change(page, f"() => document.getElementById('{kind}-image').src", f"the {kind} picture")
    page.wait_for_function("() => document.getElementById('state-name').textContent === 'running'", timeout=20000)
    for number in ["age", "frame", "state-for"]:
        wait_for_change(page, f"() => document.getElementById('{number}').textContent", number)
    page.wait_for_function("() => document.querySelectorAll('#latency rect').length > 50", timeout=10000)
    page.wait_for_function("() => document.querySelector('#age-line .curve')?.getAttribute('d').includes('L')", timeout=10000)
    expect(text(page, "#label") not in ["", "\u2013"], "there is no label")
    expect(text(page, "#raw-label") != "not classified", "the raw frame is not classified")
    page.wait_for_timeout(1500)
    width = page.evaluate("document.documentElement.scrollWidth")
    expect(width <= page.viewport_size["width"], f"{name}: the page is {width} pixels wide")
    poor = page.evaluate(CONTRAST)
    expect(not poor, f"{name}: too little contrast: {poor}")


def check_keyboard(page):
    found = []
    for _ in range(8):
        page.keyboard.press("Tab")
        found.append(page.evaluate("(document.activeElement.id || document.activeElement.getAttribute('href') || document.activeElement.className)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        expect(outline != "none" or found[-1] == "", f"{found[-1]} shows no focus")
    order = ["#verdict", "pause", "scroll", "/metrics", "/api/status", "/healthz", "/snapshot.jpg?purified"]
    expect(found[:7] == order, f"focus order is {found}")
    page.locator("#pause").focus()
    page.keyboard.press("Enter")
    expect(text(page, "#pause") == "Resume", "Enter does not pause")
    page.wait_for_timeout(1500)
    before = text(page, "#frame")
    page.wait_for_timeout(1500)
    expect(text(page, "#frame") == before, "a paused page still changes")
    page.keyboard.press("Enter")
    wait_for_change(page, "() => document.getElementById('frame').textContent", "the resumed page")


def check_roles(page):
    tree = page.locator("body").aria_snapshot()
    for wanted in ["banner", "main", "contentinfo", "navigation \"Data\"", "region \"Verdict\"", "heading \"purecam\" [level=1]",
                   "status", "img \"The camera's picture before purification\""]:
        expect(wanted in tree, f"a screen reader does not find {wanted}")


def check_outage(page, binary, port):
    """The service goes away and comes back under an open page."""
    page.wait_for_function("() => document.getElementById('link').dataset.link === 'lost'", timeout=20000)
    page.wait_for_selector("#banner:not([hidden])", timeout=20000)
    with Service(binary, port):
        page.wait_for_function("() => document.getElementById('link').dataset.link === 'live'", timeout=30000)
        wait_for_change(page, "() => document.getElementById('raw-image').src", "the picture after the outage")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default=str(ROOT / "target/release/purecam"))
    arguments.add_argument("--screenshots", type=pathlib.Path)
    arguments = arguments.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("skipped: playwright is not installed (pip install playwright)")
        return
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    port, complaints = free_port(), []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        except Exception as error:
            print(f"skipped: there is no Chromium ({error})")
            return
        with Service(arguments.binary, port):
            for name, view in VIEWS.items():
                page = browser.new_context(**view).new_page()
                page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
                page.on("pageerror", lambda error: complaints.append(str(error)))
                page.on("request", lambda request: complaints.append(f"request to another server: {request.url}")
                        if not request.url.startswith((f"http://127.0.0.1:{port}/", f"blob:http://127.0.0.1:{port}/")) else None)
                page.goto(f"http://127.0.0.1:{port}/")
                check_view(page, name)
                if arguments.screenshots:
                    arguments.screenshots.mkdir(parents=True, exist_ok=True)
                    page.wait_for_timeout(20000)
                    page.screenshot(path=arguments.screenshots / f"{name}.png", full_page=True)
                if name == "light":
                    check_keyboard(page)
                    check_roles(page)
                expect(not complaints, f"{name}: {complaints}")
                print(f"{name}: good")
                if name != "phone":
                    page.context.close()
        check_outage(page, arguments.binary, port)
        print("outage: good")
        browser.close()


if __name__ == "__main__":
    try:
        main()
    except AssertionError as problem:
        sys.exit(f"check.py: {problem}")
