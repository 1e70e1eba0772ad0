"""Headless Chromium, driven by Selenium."""

import contextlib
import shutil
import tempfile

from .running import PATIENCE, missing

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--force-prefers-reduced-motion",
    "--window-size=1280,800",
]


@contextlib.contextmanager
def chromium():
    """Start a browser with a profile of its own; give its driver."""
    try:
        from selenium import webdriver
    except ImportError:
        missing("selenium")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing("chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in [*ARGUMENTS, f"--user-data-dir={profile}"]:
            options.add_argument(argument)
        service = webdriver.ChromeService(executable_path=driver)
        chrome = webdriver.Chrome(options=options, service=service)
        try:
            chrome.set_page_load_timeout(PATIENCE)
            chrome.set_script_timeout(PATIENCE)
            yield chrome
        finally:
            chrome.quit()


class Tab:
    """One tab of a browser. Its methods switch to it first."""

    def __init__(self, chrome, url):
        chrome.switch_to.new_window("tab")
        self.chrome = chrome
        self.handle = chrome.current_window_handle
        chrome.get(url)

    def switch(self):
        self.chrome.switch_to.window(self.handle)

    def find(self, selector):
        self.switch()
        return self.chrome.find_element("css selector", selector)

    def texts(self, selector):
        """Return what the elements say, whether they're in sight or not."""
        self.switch()
        return self.chrome.execute_script(
            "return [...document.querySelectorAll(arguments[0])]"
            ".map((element) => element.textContent.trim())",
            selector,
        )

    def resize(self, width, height):
        self.emulate(
            "setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme):
        """Be the browser of someone who prefers this colour scheme, at rest."""
        preferences = {
            "prefers-color-scheme": scheme,
            "prefers-reduced-motion": "reduce",
        }
        features = [{"name": n, "value": v} for n, v in preferences.items()]
        self.emulate("setEmulatedMedia", features=features)

    def emulate(self, command, **parameters):
        self.switch()
        self.chrome.execute_cdp_cmd(f"Emulation.{command}", parameters)

    def screenshot(self, path):
        self.switch()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.chrome.save_screenshot(str(path))

    def crash(self):
        """Let the process behind the page die; the tab shows that it did."""
        from selenium.common.exceptions import WebDriverException

        self.switch()
        with contextlib.suppress(WebDriverException):
            self.chrome.get("chrome://crash")

    def close(self):
        self.switch()
        self.chrome.close()
        self.chrome.switch_to.window(self.chrome.window_handles[0])
