#!/usr/bin/env python3
"""Opens the live page of a real `purecam run` in a headless Chromium and checks that it tells the truth.

    pip install playwright; apt-get install chromium     (or: playwright install chromium)
    cargo build --release; tests/page/check.py [--binary FILE] [--screenshots FOLDER]

Without a browser it says so and exits with 0. It checks, at 1280 and 390 pixels, in both colour schemes:

- pictures and numbers change, nothing overflows, the console stays empty, text has contrast, every table, graph and control
  has a name, what a finger touches has 44 pixels, the keyboard reaches every control, pausing pauses;
- which service and models it shows, and that a suspicious verdict is an alarm;
- a process that is stopped (SIGSTOP) and goes on, that is killed and started again, a stream or a status that stands still
  behind a connection that lives: what is older than 3 s is grey and says so, and the page recovers without a reload;
- no purifier, no `detect`, a classifier of many labels, a camera that is absent, the form for the token;
- the pictures of suspicious frames that are kept, and the frame around what the models see of a picture.

The wall clock of the browser is an hour fast throughout: no age may depend on it.
"""

import argparse
import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
VIEWS = {
    "desktop-light": {**DESKTOP, "color_scheme": "light"},
    "desktop-dark": {**DESKTOP, "color_scheme": "dark"},
    "phone-light": {**PHONE, "color_scheme": "light"},
    "phone-dark": {**PHONE, "color_scheme": "dark"},
}
TOKENS = ["a-token-of-enough-characters", "another-token-of-characters"]

# The browser's clock is an hour fast, and `change` sees every verdict before the page does; null: it does not arrive.
PROBE = """
const RealDate = Date;
Date = class extends RealDate {
  constructor(...given) { if (given.length) super(...given); else super(RealDate.now() + 3600e3); }
  static now() { return RealDate.now() + 3600e3; }
};
window.change = (verdict) => verdict;
const RealEvents = EventSource;
EventSource = class extends RealEvents {
  addEventListener(name, listen) {
    super.addEventListener(name, (event) => {
      if (name !== "verdict") return listen(event);
      const verdict = window.change(JSON.parse(event.data));
      if (verdict) listen({ data: JSON.stringify(verdict) });
    });
  }
};
"""

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

# Tables and graphs without a name.
NAMELESS = """() => [...document.querySelectorAll("table, svg[role=img], [role=region], section")]
  .filter((it) => it.checkVisibility())
  .filter((it) => !(it.caption || it.getAttribute("aria-label") || document.getElementById(it.getAttribute("aria-labelledby"))))
  .map((it) => it.outerHTML.slice(0, 80))"""

# What a finger touches and misses.
SMALL = """() => [...document.querySelectorAll("button, a, input")]
  .filter((it) => it.checkVisibility() && !it.classList.contains("skip"))
  .map((it) => [it.textContent, it.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44).map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""


# Where the frame is drawn on the raw picture (shares of it), and the mean colour of what lies inside it and of what the models
# see; null where none is drawn.
FRAMED = """() => {
  const [raw, purified, look] = ["raw-image", "purified-image", "look"].map((id) => document.getElementById(id));
  if (!look.checkVisibility()) return null;
  const [box, frame] = [raw, look].map((it) => it.getBoundingClientRect());
  const scale = Math.min(box.width / raw.naturalWidth, box.height / raw.naturalHeight);
  const [wide, high] = [raw.naturalWidth * scale, raw.naturalHeight * scale];
  const [left, top] = [box.left + (box.width - wide) / 2, box.top + (box.height - high) / 2];
  const part = [(frame.left - left) / wide, (frame.top - top) / high, frame.width / wide, frame.height / high];
  const mean = (image, [x, y, width, height]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    const [w, h] = [image.naturalWidth, image.naturalHeight];
    // The middle of the part: a resampled edge has its neighbour's colour.
    canvas.drawImage(image, (x + width / 4) * w, (y + height / 4) * h, (width / 2) * w, (height / 2) * h, 0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  return { part, inside: mean(raw, part), seen: mean(purified, [0, 0, 1, 1]) };
}"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Service:
    """A `purecam run` that ends with the block."""

    def __init__(self, binary, port, *flags, config="[detect]\nenabled = true\n", token=None):
        self.flags, self.config, self.token = flags or ["demo:"], config, token
        self.binary, self.port = binary, port

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.folder.name, "purecam.toml")
        text = self.config
        if self.token:
            token = config.with_name("token")
            token.write_text(self.token + "\n")
            token.chmod(0o600)
            text += f'[http]\ntoken_file = "{token}"\n'
        config.write_text(text)
        command = [self.binary, "run", *self.flags, "--http", f":{self.port}", "--json", "--config", config]
        said = config.with_name("said")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said.open("w"))
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)
            expect(self.process.poll() is None, f"purecam has ended: {said.read_text()}")
        raise AssertionError(f"purecam is not listening: {said.read_text()}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()


class Browser:
    """A browser whose pages may load nothing from elsewhere and say nothing on the console."""

    def __init__(self, browser, port, screenshots):
        self.browser, self.port, self.screenshots, self.complaints = browser, port, screenshots, []
        self.expects_failures = False

    def open(self, view, place="/"):
        page = self.browser.new_context(**VIEWS[view]).new_page()
        page.set_default_timeout(20000)
        page.add_init_script(PROBE)
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.complaints.append(f"{view}: {error}"))
        page.on("request", self.asked)
        page.goto(f"http://127.0.0.1:{self.port}{place}")
        return page

    def heard(self, message):
        # A browser itself reports each request that fails, and has a verbose opinion of forms.
        is_expected = self.expects_failures and message.text.startswith("Failed to load resource")
        if not is_expected and message.type != "verbose":
            self.complaints.append(f"{message.type}: {message.text}")

    def asked(self, request):
        ours = (f"http://127.0.0.1:{self.port}/", f"blob:http://127.0.0.1:{self.port}/")
        if not request.url.startswith(ours):
            self.complaints.append(f"request to another server: {request.url}")

    def looks_right(self, page, name):
        """Widths, contrasts, names and sizes hold in every state."""
        width = page.evaluate("document.documentElement.scrollWidth")
        expect(width <= page.viewport_size["width"], f"{name}: the page is {width} pixels wide")
        for what, script in [("too little contrast", CONTRAST), ("without a name", NAMELESS)]:
            found = page.evaluate(script)
            expect(not found, f"{name}: {what}: {found}")
        if page.viewport_size["width"] < 500:
            found = page.evaluate(SMALL)
            expect(not found, f"{name}: too small for a finger: {found}")
        if self.screenshots:
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=self.screenshots / f"{name}.png", full_page=True)
        expect(not self.complaints, f"{name}: {self.complaints}")
        print(f"{name}: good", flush=True)


def text(page, selector):
    return page.locator(selector).inner_text()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for(page, script, what):
    try:
        page.wait_for_function(script)
    except Exception as error:
        found = page.evaluate("[document.title, document.getElementById('state')?.innerText]")
        raise AssertionError(f"waited in vain for: {what}; the page says {found}") from error


def wait_for_change(page, script, what):
    before = page.evaluate(script)
    try:
        page.wait_for_function(f"(before) => ({script})() !== before", arg=before)
    except Exception as error:
        raise AssertionError(f"{what} does not change from {before!r}") from error


def wait_for_state(page, name):
    wait_for(page, f"() => document.getElementById('state-name').textContent === {name!r}", f"the state '{name}'")


def wait_until_live(page):
    """Every part is new: nothing is grey."""
    wait_for(page, "() => !document.querySelector('.old') && document.getElementById('state').dataset.state === 'running'", "nothing that is old")
    wait_for_change(page, "() => document.getElementById('purified-image').src", "the picture")
    wait_for_change(page, "() => document.getElementById('frame').textContent", "the frame's number")


def change(page, script):
    """What becomes of a verdict before the page sees it."""
    page.evaluate(f"() => {{ window.change = {script}; }}")


def ages(page, part):
    """What the parts that come from the status, the verdict or the picture say of their age: '7 s old'."""
    return page.evaluate("""(part) => [...document.querySelectorAll(`[data-from=${part}]`)].map((it) => it.querySelector(".ago, .missing"))
        .filter((it) => it?.checkVisibility({ visibilityProperty: true })).map((it) => it.textContent).filter(Boolean)""", part)


def check_view(page):
    kinds = ["raw", "purified"]
    for kind in kinds:
        wait_for(page, f"() => document.getElementById('{kind}-image').naturalWidth > 0", f"the {kind} picture")
        wait_for_change(page, f"() => document.getElementById('{kind}-image').src", f"the {kind} picture")
    wait_until_live(page)
    for number in ["age", "frame", "state-for"]:
        wait_for_change(page, f"() => document.getElementById('{number}').textContent", number)
    wait_for(page, "() => document.querySelectorAll('#latency rect').length > 50", "the histograms")
    wait_for(page, "() => document.querySelector('#age-line .curve')?.getAttribute('d').includes('L')", "the trends")
    expect(text(page, "#label") not in ["", "\u2013"], "there is no label")
    expect(text(page, "#raw-label") != "not classified", "the raw frame is not classified")
    host = socket.gethostname()
    expect(f"demo: on {host}" in page.title(), f"the title does not say which service: {page.title()}")
    for role in ["purifier", "classifier"]:
        expect(".onnx (" in text(page, f"#{role}"), f"the {role} is {text(page, f'#{role}')}")
    today = page.evaluate("document.getElementById('captured').textContent")
    expect("-" not in today, f"a frame of today has a date: {today}")


def check_alarm(page):
    """The demonstration attacks every other photograph."""
    wait_for(page, "() => !document.getElementById('alarm').hidden", "the alarm")
    wait_for(page, "() => document.getElementById('suspects').rows.length > 0", "the list of suspicious verdicts")
    expect(page.title().startswith("suspicious: "), f"the title is {page.title()}")
    expect(page.evaluate("document.querySelector('link[rel=icon]').dataset.kind") == "alarm", "the icon does not show the alarm")
    expect(text(page, "#alarm").startswith("Suspicious: "), "the alarm has no word")
    wait_for(page, "() => !document.getElementById('suspicious-now').hidden", "the word beside the verdict")
    expect(text(page, "#threshold-text") == "suspicious from 0.50", text(page, "#threshold-text"))
    mark = page.evaluate("""() => {
        const [mark, bar] = [document.getElementById("threshold"), document.querySelector(".scale")].map((it) => it.getBoundingClientRect());
        return (mark.left + mark.width / 2 - bar.left) / bar.width; }""")
    expect(abs(mark - 0.5) < 0.02, f"the threshold is marked at {mark}")


def check_keyboard(page):
    found = []
    for _ in range(8):
        page.keyboard.press("Tab")
        found.append(page.evaluate("(document.activeElement.id || document.activeElement.getAttribute('href') || document.activeElement.className)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        expect(outline != "none" or found[-1] == "", f"{found[-1]} shows no focus")
    order = ["#verdict", "pause", "scroll", "/metrics", "/api/status", "/healthz", "/snapshot.jpg?purified"]
    expect(found[:7] == order, f"focus order is {found}")


def check_pause(browser, page):
    page.locator("#pause").focus()
    page.keyboard.press("Enter")
    expect(text(page, "#pause") == "Resume", "Enter does not pause")
    wait_for_state(page, "paused")
    expect(page.title().startswith("paused"), page.title())
    green = "getComputedStyle(document.documentElement).getPropertyValue('--good')"
    expect(page.evaluate(f"!getComputedStyle(document.querySelector('#state .mark')).backgroundColor.includes({green})"), "paused is green")
    page.wait_for_timeout(500)
    before = text(page, "#frame")
    wait_for(page, "() => document.querySelectorAll('.old').length > 8", "grey")
    expect(text(page, "#frame") == before, "a paused page still changes")
    browser.looks_right(page, "paused")
    page.keyboard.press("Enter")
    wait_until_live(page)


def check_roles(page):
    tree = page.locator("body").aria_snapshot()
    for wanted in ["banner", "main", "contentinfo", "navigation \"Data\"", "region \"Verdict\"", "heading \"purecam\" [level=1]",
                   "status", "alert", "img \"The camera's picture before purification\"", "table \"State\"", "img \"Frame age: "]:
        expect(wanted in tree, f"a screen reader does not find {wanted}")


def check_standstill(browser, page):
    """A part stands still while the rest lives."""
    change(page, "() => null")
    wait_for_state(page, "no verdicts received")
    wait_for(page, "() => document.getElementById('verdict').classList.contains('old')", "the verdict's grey")
    expect(not ages(page, "status") and not ages(page, "picture"), "more is grey than the verdict")
    expect(ages(page, "verdict")[0].endswith(" s old"), f"the verdict does not say how old it is: {ages(page, 'verdict')}")
    expect(page.title().startswith("no verdicts received"), page.title())
    browser.looks_right(page, "verdicts-stand-still")
    # What a network held back and delivers at last is no newer for that.
    change(page, "(verdict) => ({ ...verdict, captured_at: new Date(Date.parse(verdict.captured_at) - 20000).toISOString() })")
    wait_for(page, "() => /^2\\d s old$/.test(document.querySelector('#verdict .ago').textContent)", "the age of a late verdict")
    change(page, "(verdict) => verdict")
    wait_until_live(page)
    browser.expects_failures = True
    page.route("**/api/status", lambda route: route.abort())
    wait_for_state(page, "no status")
    expect(ages(page, "status") and not ages(page, "verdict") and not ages(page, "picture"), "not the status alone is grey")
    browser.looks_right(page, "status-stands-still")
    page.unroute("**/api/status")
    wait_until_live(page)
    browser.expects_failures = False


def check_labels(browser, page):
    """A classifier of many labels: all that are present are shown, and that none is."""
    guesses = ", ".join(f"{{ label: 'label {place}', index: {place}, confidence: {0.9 - place / 10} }}" for place in range(4))
    change(page, f"(verdict) => ({{ ...verdict, present: [{guesses}], top: [{guesses}].slice(0, 3) }})")
    wait_for(page, "() => document.getElementById('label').textContent === 'label 0, label 1, label 2, label 3'", "all labels")
    expect(page.locator("#top tr").count() == 4, "not every label that is present has a row")
    browser.looks_right(page, "labels")
    change(page, "(verdict) => ({ ...verdict, present: [] })")
    wait_for(page, "() => document.getElementById('label').textContent === 'no label present'", "that no label is present")
    expect("(absent)" in text(page, "#top"), "a label that is absent looks present")
    change(page, "(verdict) => verdict")
    wait_for(page, "() => !document.getElementById('top').innerText.includes('absent')", "the class again")


def check_upgrade(page):
    """A page that meets a service of another version loads that version's page."""
    def upgraded(route):
        route.fulfill(json={**route.fetch().json(), "generator": "purecam 99.0.0"})
    page.evaluate("window.same = true")
    page.route("**/api/status", upgraded)
    wait_for(page, "() => !window.same && document.getElementById('version').textContent === 'purecam 99.0.0'", "the other version's page")
    wait_until_live(page)
    page.evaluate("window.same = true")
    page.wait_for_timeout(2500)
    expect(page.evaluate("window.same"), "it is loaded again and again")
    page.unroute("**/api/status")
    wait_for(page, "() => !window.same", "the first version's page")
    wait_until_live(page)


def check_reasons(page):
    """Every reason that the service knows has an advice."""
    unknown = page.evaluate("""async () => {
        const { reconnects } = await (await fetch("/api/status")).json();
        return [...Object.keys(reconnects), "hung", "flat", "frozen", "withheld", "unusable", "slow", "output"].filter((reason) => !ADVICE[reason]); }""")
    expect(not unknown, f"no advice for {unknown}")


def check_gone(browser, page, name):
    """Nothing that is shown passes for new."""
    wait_for_state(page, "no answer")
    wait_for(page, "() => document.querySelectorAll('[data-from]:not(.old)').length === 0", "grey everywhere")
    for part in ["status", "verdict", "picture"]:
        old = ages(page, part)
        expect(old and all("s old" in age for age in old), f"{name}: the {part} says {old}")
    expect("for " in text(page, "#state-for"), "it does not say for how long")
    wait_for_change(page, "() => document.getElementById('state-for').textContent", "the time without an answer")
    expect(page.title().startswith("no answer"), f"{name}: the title is {page.title()}")
    expect(page.evaluate("document.getElementById('alerted').textContent").startswith("State: no answer"), "nothing is announced")
    expect(page.evaluate("document.querySelector('link[rel=icon]').dataset.kind") == "lost", "the icon does not show it")
    page.evaluate("(async () => { const icon = new Image(); icon.src = document.querySelector('link[rel=icon]').href; await icon.decode(); })()")
    green = page.evaluate("getComputedStyle(document.querySelector('#history .mark')).backgroundColor === getComputedStyle(document.querySelector('#said')).color")
    expect(not green, "an old state is green")
    browser.looks_right(page, name)


def check_outages(browser, pages, binary, port, service):
    """The process stands still and goes on; it is killed and started again. The pages are not loaded again."""
    browser.expects_failures = True
    for page in pages:
        page.evaluate("window.same = true")
    service.process.send_signal(signal.SIGSTOP)
    for page in pages:
        check_gone(browser, page, f"stopped-{page.viewport_size['width']}")
    service.process.send_signal(signal.SIGCONT)
    for page in pages:
        wait_until_live(page)
        expect("no answer" not in page.title(), f"the title stays {page.title()}")
    service.process.kill()
    service.process.wait()
    for page in pages:
        check_gone(browser, page, f"killed-{page.viewport_size['width']}")
    with Service(binary, port):
        for page in pages:
            wait_until_live(page)
            expect(page.evaluate("window.same"), "the page was loaded again")
            page.context.close()
    print("stopped and going on, killed and started again: good", flush=True)
    browser.expects_failures = False


def sign_in(browser, page, token, name):
    page.wait_for_selector("#token")
    page.fill("#token", "wrong-token-of-characters")
    page.click("button")
    wait_for(page, "() => document.getElementById('problem').textContent === 'Wrong token.'", "the problem")
    browser.looks_right(page, name)
    page.fill("#token", token)
    page.click("button")
    page.wait_for_selector("#state")
    wait_until_live(page)
    expect("token" not in page.url, f"the token stays in {page.url}")


def check_token(browser, binary, port):
    """The form takes the token, and is back when the service has another one."""
    browser.expects_failures = True
    token, other = TOKENS
    with Service(binary, port, token=token):
        page = browser.open("desktop-light")
        sign_in(browser, page, token, "token-desktop-light")
        page.context.close()
        page = browser.open("phone-dark")
        sign_in(browser, page, token, "token-phone-dark")
    with Service(binary, port, token=other):
        sign_in(browser, page, other, "token-again")
    page.context.close()
    browser.expects_failures = False


def check_others(browser, binary, port):
    """No purifier; no `detect`, and models that do not look at the centre; a camera that is not there."""
    with Service(binary, port, "demo:", "--no-purifier", config=""):
        for view in ["desktop-dark", "phone-light"]:
            page = browser.open(view)
            wait_until_live(page)
            expect(not page.locator("#raw").is_visible(), "two pictures of one frame")
            expect("purify" not in text(page, "#latency"), "the times of a purifier that there is not")
            expect(page.locator("#warning").is_visible() and text(page, "#purifier") == "none", "no warning")
            expect(not page.locator("#suspicion-part").is_visible(), "a suspicion that is not measured")
            browser.looks_right(page, f"no-purifier-{view}")
            page.context.close()
    with tempfile.TemporaryDirectory() as folder:
        photographs = sorted(ROOT.glob("demo/*.jpg"))
        for place in range(40 * len(photographs)):
            pathlib.Path(folder, f"{place:04}.jpg").symlink_to(photographs[place % len(photographs)])
        with Service(binary, port, f"file:{folder}", "--fps", "8", config="[source]\nfit = \"pad\"\n"):
            for view in ["desktop-light", "phone-dark"]:
                page = browser.open(view)
                wait_until_live(page)
                expect(text(page, "#raw-label") == "not classified", text(page, "#raw-label"))
                expect(page.evaluate(FRAMED) is None, "a frame around the whole picture")
                expect(not page.locator("#raw-meter").is_visible(), "an empty bar")
                expect("[detect]" in text(page, "#suspects-note"), text(page, "#suspects-note"))
                browser.looks_right(page, f"no-detect-{view}")
                page.context.close()
    with Service(binary, port, "camera:/dev/no-such-camera"):
        page = browser.open("phone-light")
        wait_for_state(page, "reconnecting (absent)")
        expect("purecam probe" in text(page, "#banner"), f"the advice is {text(page, '#banner')}")
        expect(page.title().startswith("reconnecting (absent)"), page.title())
        browser.looks_right(page, "absent")
        page.context.close()


def check_kept(browser, binary, port):
    """The pictures of suspicious frames are beside their entries, and lead to the files."""
    with Service(binary, port, config='[detect]\nenabled = true\nkeep_dir = "kept"\n'):
        for view in ["desktop-light", "phone-dark"]:
            page = browser.open(view)
            wait_for(page, "() => [...document.querySelectorAll('#suspects .kept img')].filter((it) => it.naturalWidth > 0).length >= 2", "pictures")
            place = page.locator("#suspects .kept a").first.get_attribute("href")
            answer = page.request.get(f"http://127.0.0.1:{port}{place}")
            expect(answer.status == 200 and answer.headers["content-type"] == "image/png", f"{place}: {answer.status} {answer.headers}")
            browser.looks_right(page, f"kept-{view}")
            # The entry and its pictures stay together when others come.
            before = page.evaluate("[...document.querySelectorAll('#suspects tr')].map((row) => [row.cells[0].innerText, row.querySelector('.kept a')?.href])")
            wait_for(page, f"() => document.getElementById('suspects').rows.length > {len(before)}", "another entry")
            after = page.evaluate("Object.fromEntries([...document.querySelectorAll('#suspects tr')].map((row) => [row.cells[0].innerText, row.querySelector('.kept a')?.href]))")
            for time, link in before:
                expect(link is None or after[time] == link, f"the entry of {time} had {link} and has {after[time]}")
            page.context.close()


def quarters(path, wide, high):
    """A picture of four colours: red and green above, blue and yellow below."""
    colours = [[(200, 30, 30), (30, 180, 30)], [(30, 30, 200), (210, 200, 30)]]
    rows = [b"".join(bytes(colours[2 * y // high][2 * x // wide]) for x in range(wide)) for y in range(high)]
    path.write_bytes(f"P6 {wide} {high} 255\n".encode() + b"".join(rows))


def check_framings(browser, binary, port):
    """The frame on the raw picture encloses what the models see, and what the whole picture shows has none."""
    framings = {
        "centre": ("", [0.21875, 0, 0.5625, 1]),
        "region": ("region = [0.5, 0.0, 0.5, 0.5]\nfit = 'stretch'\n", [0.5, 0, 0.5, 0.5]),
        # Turned clockwise, the left lower quarter is the left upper one; mirrored, the right upper one.
        "turned": ("region = [0.5, 0.0, 0.5, 0.5]\nfit = 'pad'\nrotate = 90\nflip = 'horizontal'\n", [0, 0.5, 0.5, 0.5]),
        "whole": ("fit = 'stretch'\nflip = 'vertical'\n", None),
    }
    with tempfile.TemporaryDirectory() as folder:
        quarters(pathlib.Path(folder, "0000.ppm"), 640, 360)
        for place in range(1, 600):
            pathlib.Path(folder, f"{place:04}.ppm").symlink_to("0000.ppm")
        for name, (source, expected) in framings.items():
            with Service(binary, port, f"file:{folder}", "--fps", "8", config=f"[source]\n{source}"):
                for view in ["desktop-light", "phone-dark"]:
                    page = browser.open(view)
                    wait_until_live(page)
                    found = page.evaluate(FRAMED)
                    if expected is None:
                        expect(found is None, f"{name}: a frame around the whole picture: {found}")
                        expect("mirrored" in page.evaluate("document.getElementById('raw-part').textContent"), "it does not say so")
                    else:
                        off = max(abs(a - b) for a, b in zip(found["part"], expected))
                        expect(off < 0.01, f"{name}: the frame is at {found['part']}, not {expected}")
                    if name in ["region", "turned"]:
                        off = max(abs(a - b) for a, b in zip(found["inside"], found["seen"]))
                        expect(off < 60, f"{name}: {found['inside']} is framed, {found['seen']} is seen")
                    browser.looks_right(page, f"framing-{name}-{view}")
                    page.context.close()


def check(browser, binary, port):
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(binary, port))
        pages = {name: browser.open(name) for name in VIEWS}
        for name, page in pages.items():
            check_view(page)
            check_alarm(page)
            browser.looks_right(page, name)
        page = pages["desktop-light"]
        for name in ["desktop-dark", "phone-light"]:
            pages[name].context.close()
        check_keyboard(page)
        check_roles(page)
        check_reasons(page)
        check_labels(browser, page)
        check_upgrade(page)
        check_pause(browser, page)
        check_standstill(browser, page)
        check_outages(browser, [page, pages["phone-dark"]], binary, port, service)
    check_others(browser, binary, port)
    check_kept(browser, binary, port)
    check_framings(browser, binary, port)
    check_token(browser, binary, port)


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
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    port, began = free_port(), time.monotonic()
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        except Exception as error:
            print(f"skipped: there is no Chromium ({error})")
            return
        check(Browser(browser, port, arguments.screenshots), arguments.binary, port)
        browser.close()
    print(f"the page: good, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as problem:
        sys.exit(f"check.py: {problem}")
