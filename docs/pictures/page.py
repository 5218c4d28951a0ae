#!/usr/bin/env python3
"""Makes the animated picture of the README from a real run: the live page, from a clean frame to an attacked one and on.

    pip install playwright pillow; apt-get install chromium     (or: playwright install chromium)
    cargo build --release; docs/pictures/page.py [--binary FILE] [--out FILE]
"""

import argparse
import io
import pathlib
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# One photograph of the demonstration: four seconds clean, four attacked.
SECONDS, A_SECOND = 8, 2
# What the page draws, and what the README shows of it, in pixels.
WINDOW, WIDTH = {"width": 1000, "height": 510}, 760


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def shots(binary):
    """Pictures of the page at a steady rate, one photograph of the demonstration long."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    command = [binary, "run", "demo:", "--http", f":{port}", "--json"]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport=WINDOW, color_scheme="light")
            for _ in range(100):
                try:
                    page.goto(f"http://127.0.0.1:{port}/")
                    break
                except Exception:
                    time.sleep(0.1)
            # A photograph is attacked in its second half: where that ends, the next one begins.
            for state in ("visible", "hidden"):
                page.locator("#attacked").wait_for(state=state)
            start = time.monotonic()
            for number in range(SECONDS * A_SECOND):
                time.sleep(max(0, start + number / A_SECOND - time.monotonic()))
                yield page.screenshot()
            browser.close()
    finally:
        service.terminate()
        service.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=ROOT / "target/release/purecam")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/pictures/page.webp")
    arguments = parser.parse_args()
    from PIL import Image

    pictures = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots(arguments.binary)]
    height = round(WIDTH * WINDOW["height"] / WINDOW["width"])
    pictures = [picture.resize((WIDTH, height), Image.Resampling.LANCZOS) for picture in pictures]
    first, *others = pictures
    first.save(arguments.out, save_all=True, append_images=others, duration=1000 // A_SECOND, loop=0, quality=70, method=6)
    print(f"{arguments.out}: {len(pictures)} pictures, {arguments.out.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
