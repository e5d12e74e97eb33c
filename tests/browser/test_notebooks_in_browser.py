"""What a learner sees: a lesson opened in JupyterLab, run from top to bottom, and every control of it moved."""

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
LESSONS = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
RUN_LIMIT = 180  # seconds: twice what the longest lesson may take, for a busy machine

# What JupyterLab itself says on the console of every notebook, however empty.
JUPYTERLAB_SAYS: list[str] = []

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
# Exceptions in Python and in JavaScript, and whatever else goes to standard error: JupyterLab shows them alike.
ERROR_OUTPUT = '.jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"]'


class Watch:
    """Everything that a page asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(re.search(known, message.text) for known in JUPYTERLAB_SAYS):
            self.complaints.append(message.text)

    def elsewhere(self) -> list[str]:
        """Requests that would have left this machine."""
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"
        ]


def run_all(page: Page, lab: Lab, notebook: str) -> Locator:
    """Open `notebook`, Run All, wait until every cell has run or one has failed; returns the notebook's panel."""
    page.goto(f"{lab.address}/lab/tree/notebooks/{notebook}?token={lab.token}")
    panel = page.locator(PANEL)
    expect(panel.locator(".jp-Notebook")).to_be_visible(timeout=60_000)
    wait_for_kernel(page, lab, notebook)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    for _ in range(RUN_LIMIT):
        page.wait_for_timeout(1000)
        if panel.locator(ERROR_OUTPUT).count() or all(saved_counts(page, lab.folder / "notebooks" / notebook)):
            wait_for_kernel(page, lab, notebook)
            return panel
    pytest.fail(f"{notebook} was still running after {RUN_LIMIT} s")


def saved_counts(page: Page, path: Path) -> list[int | None]:
    """Save, and read back when each code cell ran: the page itself does not show it for cells whose code is hidden."""
    page.keyboard.press("Control+s")
    try:
        notebook = nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError:  # caught in the middle of being saved
        return [None]
    return [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]


def wait_for_kernel(page: Page, lab: Lab, notebook: str) -> None:
    """Wait until the kernel of `notebook` is connected and idle, by the server's word."""
    request = urllib.request.Request(f"{lab.address}/api/sessions", headers={"Authorization": f"token {lab.token}"})
    for _ in range(300):
        with urllib.request.urlopen(request) as answer:
            sessions = json.load(answer)
        kernels = [session["kernel"] for session in sessions if session["name"] == notebook]
        if any(kernel["execution_state"] == "idle" and kernel["connections"] > 0 for kernel in kernels):
            return
        page.wait_for_timeout(200)
    pytest.fail(f"the kernel of {notebook} did not come up within a minute: {sessions}")


SLIDER, MENU, BOX = ".widget-slider .noUi-handle", ".widget-dropdown select", ".widget-text input"
SHOWN = """explorer => [...explorer.querySelectorAll("img, .widget-html")].map(e => e.src || e.innerHTML).join()"""


def settled(page: Page, explorer: Locator) -> str:
    """What the widget shows once it has stopped changing: picture and text arrive one after the other."""
    shown = explorer.evaluate(SHOWN)
    while True:
        page.wait_for_timeout(300)
        before, shown = shown, explorer.evaluate(SHOWN)
        if shown == before:
            return str(shown)


def changes(page: Page, explorer: Locator, act: Callable[[], None]) -> None:
    """Act: what the widget shows must become something else."""
    before = settled(page, explorer)
    act()
    for _ in range(100):
        if explorer.evaluate(SHOWN) != before:
            return
        page.wait_for_timeout(200)
    pytest.fail(f"what was done changed nothing for 20 s: {explorer.inner_text()[:200]}")


def move_every_control(page: Page, panel: Locator, typed: str) -> int:
    """Press an arrow key on each slider, choose the next entry of each menu, type into each box; returns how many."""
    moved = 0
    controls = page.locator(f"{SLIDER}, {MENU}, {BOX}")
    expect(panel.locator(controls).first).to_be_attached(timeout=60_000)  # widgets are drawn after their cell has ended
    for explorer in panel.locator(".jp-OutputArea-output", has=controls).all():
        explorer.scroll_into_view_if_needed()
        for slider in explorer.locator(SLIDER).all():

            def press(slider: Locator = slider) -> None:
                before = slider.get_attribute("aria-valuenow")
                key = "ArrowLeft" if before == slider.get_attribute("aria-valuemax") else "ArrowRight"
                for _ in range(5):  # JupyterLab can take the focus away in between: a reader would press again
                    slider.focus()
                    page.keyboard.press(key)
                    page.wait_for_timeout(200)
                    if slider.get_attribute("aria-valuenow") != before:
                        return

            changes(page, explorer, press)
            moved += 1
        for menu in explorer.locator(MENU).all():
            n_entries = menu.locator("option").count()
            entry = (menu.evaluate("menu => menu.selectedIndex") + 1) % n_entries
            changes(page, explorer, lambda menu=menu, entry=entry: menu.select_option(index=entry))
            moved += 1
        for box in explorer.locator(BOX).all():

            def write(box: Locator = box) -> None:
                box.fill(typed)
                page.keyboard.press("Enter")

            changes(page, explorer, write)
            moved += 1
    return moved


TYPED = {
    "04_next_token_prediction.ipynb": "anna lives in",
    "05_tokenization.ipynb": "<b>naïve</b> 猫 🙂\u200d <script>alert(1)</script>",
    "07_self_attention.ipynb": "she drank cherry juice",
    "10_masked_words_and_encoders.ipynb": "anna lives in _ .",
}
"""What is typed into the boxes of a lesson."""


def type_an_unknown_word(page: Page, panel: Locator) -> None:
    """A word that the lesson does not know is named, as it was typed."""
    explorer = panel.locator(".jp-OutputArea-output", has=page.locator(BOX)).first
    explorer.locator(BOX).first.fill("she drank <b>motor</b> juice")
    page.keyboard.press("Enter")
    expect(explorer.locator(".widget-html").last).to_contain_text("<b>motor</b>", timeout=20_000)


def choose_tokens(page: Page, panel: Locator) -> None:
    """Choose the likeliest token, draw one, take one back: the line counts them, and the bars change."""
    undo = page.locator("button.widget-button:has-text('undo')")
    chooser = panel.locator(".jp-OutputArea-output", has=undo).first
    chooser.scroll_into_view_if_needed()
    picture, line = chooser.locator("img").first, chooser.locator(".widget-html").last
    for button, count in (
        ("button.widget-button >> nth=0", 1),
        ("button:has-text('draw one')", 2),
        ("button:has-text('undo')", 1),
    ):
        before = picture.get_attribute("src")
        chooser.locator(button).first.click()
        expect(line).to_contain_text(f"Tokens chosen: {count},", timeout=20_000)
        expect(picture).not_to_have_attribute("src", before or "", timeout=20_000)


ENDLESS = """
endless = train(small_gpt(), rows_of(ids), TrainingConfig(steps=1_000_000, **recipe))
dashboard = Dashboard(1_000_000)
try:
    with dashboard:
        for step in endless:
            dashboard.add(step.loss, step.number)
except KeyboardInterrupt:
    interrupted = endless.step
    print("interrupted")
"""
FIVE_MORE = """
with dashboard:
    for step, _ in zip(endless, range(5)):
        dashboard.add(step.loss, step.number)
print("went on" if dashboard.steps[-5] == interrupted + 1 else f"{interrupted}, {dashboard.steps[-6:]}")
"""


def run_below(page: Page, panel: Locator, code: str) -> Locator:
    """Run `code` in a new cell at the notebook's end; returns the cell."""
    n_cells = panel.locator(".jp-Cell").count()
    panel.locator(".jp-Notebook").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+End")
    page.keyboard.press("b")
    expect(panel.locator(".jp-Cell")).to_have_count(n_cells + 1, timeout=20_000)
    cell = panel.locator(".jp-Cell.jp-mod-active")
    cell.locator(".cm-content").click()
    page.keyboard.insert_text(f"exec({code!r})")  # one line, which no editor indents
    page.keyboard.press("Control+Enter")
    return cell


def pause_resume_and_interrupt(page: Page, panel: Locator) -> None:
    """A paused curve stands still, a resumed one grows, and after an interrupt the run goes on from its step."""
    cell = run_below(page, panel, ENDLESS)
    line, curve = cell.locator(".jp-OutputArea-output", has=page.locator("progress")), cell.locator("img")
    expect(line).to_contain_text("loss", timeout=60_000)

    cell.locator("button:has-text('pause')").click()
    expect(line).to_contain_text("paused", timeout=30_000)
    shown, drawn = line.inner_text(), curve.get_attribute("src")
    page.wait_for_timeout(5_000)  # longer than from one drawing to the next
    assert (line.inner_text(), curve.get_attribute("src")) == (shown, drawn)

    cell.locator("button:has-text('resume')").click()
    expect(line).not_to_contain_text("paused", timeout=30_000)
    drawn = curve.get_attribute("src")
    expect(curve).not_to_have_attribute("src", drawn or "", timeout=60_000)

    panel.locator("[data-command='notebook:interrupt-kernel']").click()
    expect(cell).to_contain_text("interrupted", timeout=60_000)
    expect(run_below(page, panel, FIVE_MORE)).to_contain_text("went on", timeout=60_000)


ALSO = {
    "07_self_attention.ipynb": type_an_unknown_word,
    "12_training_loop.ipynb": pause_resume_and_interrupt,
    "14_sampling.ipynb": choose_tokens,
}
"""What is done besides moving every control."""


@pytest.mark.parametrize("notebook", LESSONS)
def test_a_lesson_runs_and_its_widgets_move(page: Page, lab: Lab, notebook: str) -> None:
    watch = Watch(page)
    panel = run_all(page, lab, notebook)
    assert panel.locator(ERROR_OUTPUT).all_text_contents() == []
    assert move_every_control(page, panel, TYPED.get(notebook, "")) > 0
    if notebook in ALSO:
        ALSO[notebook](page, panel)
    assert watch.complaints == []
    assert watch.elsewhere() == []


def test_what_is_typed_and_done_besides_is_for_lessons_that_there_are() -> None:
    assert set(ALSO) | set(TYPED) <= set(LESSONS)
