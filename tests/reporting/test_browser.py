"""The report in a real browser: sorting, filtering, themes, printing, and nothing on the console."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medcnn.evaluation.compare import compare
from medcnn.evaluation.results import read_results
from medcnn.files.plain import read_json
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import read_predictions
from medcnn.reporting.comparison import write_comparison
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import show_estimate
from medcnn.run.directory import RunDir, write_json

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


def find_browser(kind: Any) -> str:
    """Return the path of a Chromium: the system's, or the one that playwright installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return str(shutil.which(name))
    return str(kind.executable_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        path = find_browser(playwright.chromium)
        if not Path(path).is_file():
            pytest.skip(
                "no Chromium here: apt-get install chromium, or playwright install chromium"
            )
        try:
            running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"{path} does not start here: {str(error).splitlines()[0]}")
        yield running
        running.close()


class Visit:
    """A page with everything it complained of and everything it asked the network for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.requests.append(request.url)

    def column(self, number: int) -> list[str]:
        """Return the texts of a column of the case table, as shown."""
        rows = self.page.locator("#case-table tbody tr:visible")
        texts: list[str] = rows.locator(f":nth-child({number})").all_inner_texts()
        return texts

    def scores(self) -> list[float]:
        """Return the probabilities of the rows shown, from top to bottom."""
        rows = "Array.from(document.querySelectorAll('#case-table tbody tr:not([hidden])'))"
        found: list[float] = self.page.evaluate(f"{rows}.map(row => Number(row.dataset.score))")
        return found


@pytest.fixture
def visit(browser: Any, reported_run: RunDir) -> Iterator[Visit]:
    yield from opened(browser, reported_run)


@pytest.fixture(scope="module")
def desk(browser: Any, reported_run: RunDir) -> Iterator[Visit]:
    """One page for all tests that only look."""
    yield from opened(browser, reported_run)


@pytest.fixture(scope="module")
def german_run(reported_run: RunDir, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    copy = RunDir(tmp_path_factory.mktemp("german") / "lauf")
    skipped = shutil.ignore_patterns("images", "figures", "report.html")
    shutil.copytree(reported_run.path, copy.path, ignore=skipped)
    moved = re.sub(r"/case_(\d+)\.png", r"/moved_\1.png", copy.manifest.read_text())
    copy.manifest.write_text(moved)
    write_report(copy, language="de")
    return copy


def opened(browser: Any, run: RunDir, **options: Any) -> Iterator[Visit]:
    yield from opened_page(browser, run.report, **options)


def opened_page(browser: Any, path: Path, **options: Any) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    context.set_default_timeout(8000)
    visit = Visit(context.new_page())
    visit.page.goto(path.resolve().as_uri())
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.requests == []


def test_sorts_by_probability_both_ways(visit: Visit) -> None:
    button = visit.page.get_by_role("button", name="Probability")
    before = visit.scores()
    button.click()
    assert visit.scores() == sorted(before)
    button.click()
    assert visit.scores() == sorted(before, reverse=True)
    heading = visit.page.locator("#case-table th", has=button)
    assert heading.get_attribute("aria-sort") == "descending"


def test_sorts_text_as_a_reader_would(visit: Visit) -> None:
    visit.page.locator("#case-table").get_by_role("button", name="Image").click()
    names = visit.page.locator("#case-table tbody th").all_inner_texts()
    assert names == sorted(names)


def test_keyboard_alone_reaches_and_sorts(visit: Visit) -> None:
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    visit.page.get_by_role("button", name="Probability").focus()
    visit.page.keyboard.press("Enter")
    assert visit.scores() == sorted(visit.scores())


def test_filters_by_text_outcome_and_probability(visit: Visit) -> None:
    total = len(visit.scores())
    visit.page.get_by_label("Show", exact=True).select_option("fn fp")
    outcomes = visit.page.locator("#case-table tbody tr:visible td.outcome").all_inner_texts()
    assert 0 < len(outcomes) < total
    assert set(outcomes) <= {"false negative", "false positive"}
    assert visit.page.locator("#filter-count").inner_text() == f"{len(outcomes)} shown"
    visit.page.get_by_role("button", name="Reset").click()
    visit.page.get_by_label("Probability from").fill("0.9")
    visit.page.wait_for_function("document.querySelector('#case-table tr[hidden]') !== null")
    assert min(visit.scores()) >= 0.9
    visit.page.get_by_role("button", name="Reset").click()
    visit.page.get_by_label("Search image or patient").fill("case_0001")
    visit.page.wait_for_function(
        "document.querySelectorAll('#case-table tbody tr:not([hidden])').length < 2"
    )
    assert visit.column(2) in ([], ["case_0001"])


def test_theme_follows_the_button_and_is_remembered(visit: Visit) -> None:
    def paper() -> str:
        colour: str = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    button = visit.page.get_by_role("button", name="Light or dark")
    assert (paper(), button.get_attribute("aria-pressed")) == ("rgb(255, 255, 255)", "false")
    button.click()
    assert (paper(), button.get_attribute("aria-pressed")) == ("rgb(18, 24, 29)", "true")
    visit.page.reload()
    assert paper() == "rgb(18, 24, 29)"


def test_follows_a_dark_system(browser: Any, reported_run: RunDir) -> None:
    for visit in opened(browser, reported_run, color_scheme="dark"):
        colour = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == "rgb(18, 24, 29)"


def test_every_link_of_the_contents_leads_somewhere(desk: Visit) -> None:
    targets = desk.page.locator(".toc a").evaluate_all("all => all.map(a => a.hash.slice(1))")
    assert len(targets) >= 15
    for target in targets:
        assert desk.page.locator(f"section[id='{target}']").count() == 1, target


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_the_page_fits_and_its_contents_lead_to_every_part(
    desk: Visit, width: int, scheme: Any
) -> None:
    page = desk.page
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(page.url.partition("#")[0])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contents = page.locator(".toc summary")
    assert contents.is_visible() == (width < 1120)
    for target in ("calibration", "environment"):
        if width < 1120:
            contents.click()
        page.locator(f".toc a[href='#{target}']").click()
        page.locator(f"#{target} .part > :nth-child(2)").wait_for(state="visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert desk.complaints == []


def test_on_paper_every_part_is_open_however_narrow_it_is(desk: Visit) -> None:
    desk.page.set_viewport_size({"width": 700, "height": 900})
    desk.page.goto(desk.page.url.partition("#")[0])
    assert desk.page.locator("details.part:not([open])").count() > 5
    desk.page.emulate_media(media="print")
    desk.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert desk.page.locator("details.part:not([open])").count() == 0
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 700
    desk.page.emulate_media(media="screen")


def test_a_telephone_is_told_where_a_table_goes_on(desk: Visit) -> None:
    desk.page.set_viewport_size({"width": 390, "height": 800})
    desk.page.goto(desk.page.url.partition("#")[0])
    assert desk.page.evaluate("document.documentElement.scrollHeight") < 12_000
    box = desk.page.locator(".scroll.cut").first
    box.wait_for()
    assert "scroll" in box.evaluate("each => getComputedStyle(each, '::before').content")


NUMBERS = """() => {
  const text = (node, part) => (node.querySelector(part)?.innerText || "").trim();
  const found = [];
  const add = (place, key, value, interval) => {
    if (value && interval) found.push([key, place, `${value} (${interval})`]);
  };
  for (const tile of document.querySelectorAll(".tile"))
    add("tile", tile.dataset.key, text(tile, ".big"), text(tile, ".interval"));
  for (const cell of document.querySelectorAll("#square [data-key]"))
    add("2x2", cell.dataset.key, text(cell, "strong"), text(cell, ".ci"));
  for (const row of document.querySelectorAll("table.estimates tr[data-key]"))
    add(row.closest("section").id, row.dataset.key, text(row, ".strong"), row.cells[2].innerText);
  for (const id of ["safeguards", "cross_validation"])
    for (const row of document.querySelectorAll(`#${id} table tbody tr`))
      if (row.cells.length === 3) found.push([row.cells[0].innerText, id, row.cells[1].innerText]);
  return found;
}"""


def test_one_number_has_one_interval_on_all_pages(
    browser: Any, reported_run: RunDir, comparison: Path
) -> None:
    keys = {"sensitivity", "specificity", "auroc", "accuracy", "ppv", "npv"}
    places: dict[str, dict[str, str]] = {}
    for visit in opened(browser, reported_run):
        for key, place, shown in visit.page.evaluate(NUMBERS):
            places.setdefault(key, {}).setdefault(place, shown)
        # What the model card, and the checklist, repeat of the headline.
        card = visit.page.locator("#card").inner_text()
    assert keys <= set(places)
    assert all(len(places[key]) >= 2 for key in keys)
    assert {
        key: set(found.values()) for key, found in places.items() if len(set(found.values())) > 1
    } == {}
    for visit in opened_page(browser, comparison):
        rows = visit.page.locator("#differences tbody tr").all_inner_texts()
    for key in ("sensitivity", "specificity", "auroc"):
        shown = places[key]["tile"]
        assert shown in card
        value, interval = shown[:-1].split(" (")
        assert any(value in row and interval in row for row in rows), (key, shown)
    said = read_results(reported_run.results)
    summary = show_estimate(said.sensitivity, said.level)
    low, high = said.sensitivity.ci
    assert summary.startswith(f"{said.sensitivity.value:.3f} (95% CI {low:.3f} to {high:.3f}")
    assert f"{100 * low:.1f}" in places["sensitivity"]["tile"]


def test_no_table_is_cut_off_on_a_desk(browser: Any, reported_run: RunDir, tmp_path: Path) -> None:
    run = RunDir(Path(shutil.copytree(reported_run.path, tmp_path / "run")))
    results = read_json(run.results)
    sentence = "Validation is too small to choose an epoch or a threshold by, and so on. " * 3
    finding = {"finding": "val set too small", "meaning": sentence, "evidence": sentence}
    write_json(run.results, results | {"diagnosis": [finding]})
    write_report(run, language="en")
    cut = (
        "Array.from(document.querySelectorAll('.scroll'))"
        ".filter(each => each.scrollWidth > each.clientWidth + 1)"
        ".map(each => each.getAttribute('aria-label'))"
    )
    for visit in opened(browser, run):
        assert sentence.strip() in visit.page.locator("#diagnosis").inner_text()
        assert visit.page.evaluate(cut) == []


def test_pictures_and_figures_have_alternative_texts(desk: Visit) -> None:
    assert desk.page.locator("img:not([alt])").count() == 0
    figures = desk.page.locator("svg.figure")
    labels = figures.evaluate_all("all => all.map(svg => svg.getAttribute('aria-label'))")
    assert len(labels) >= 8
    assert all(labels)


CONTRAST = """() => {
  const channel = value => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("p, td, th, dt, dd, li, a, button, figcaption, h2")) {
    if (!node.innerText || !node.offsetParent || node.closest("svg")) continue;
    const pair = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName} ${ratio.toFixed(2)} ${node.innerText.slice(0, 30)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(browser: Any, reported_run: RunDir, scheme: str) -> None:
    for visit in opened(browser, reported_run, color_scheme=scheme):
        assert visit.page.evaluate(CONTRAST) == []


def test_prints_to_pages_with_closed_parts_opened(visit: Visit) -> None:
    pdf = visit.page.pdf(format="A4")
    assert pdf[:5] == b"%PDF-"
    # /Type /Page objects may be compressed; Chromium writes the page count in the clear.
    assert 5 < int(max(_counts(pdf))) < 40


def _counts(pdf: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb"/Count (\d+)", pdf)]


def test_german_speaks_german_and_sorts(browser: Any, german_run: RunDir) -> None:
    for visit in opened(browser, german_run):
        page = visit.page
        assert page.evaluate("document.documentElement.lang") == "de"
        assert page.locator("#headline h2").inner_text() == "Ergebnisse"
        assert "," in page.locator(".tile .big").first.inner_text()
        page.get_by_role("button", name="Wahrscheinlichkeit").click()
        assert visit.scores() == sorted(visit.scores())
        page.get_by_label("Zeigen", exact=True).select_option("fn")
        shown = page.locator("#case-table tbody tr:visible td.outcome").all_inner_texts()
        assert set(shown) == {"falsch negativ"}
        # Pictures were not copied with the run: the report says which and why.
        assert "konnten nicht gelesen werden" in page.locator("details.failures").inner_text()


@pytest.fixture(scope="module")
def comparison(reported_run: RunDir, tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = read_predictions(reported_run.predictions("test"))
    other = table.assign(p_abnormal=table["member_0"])
    readers = pd.DataFrame(
        {f"Reader {k}": table["label"].to_numpy(float) for k in range(3)}, index=table["image_id"]
    )
    at = Threshold(0.4, "youden", "val")
    found = compare(table, other, at, at, names=("run", "member"), margin=0.1, readers=readers)
    return write_comparison(found, table, other, tmp_path_factory.mktemp("pair") / "c.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_comparison_is_legible_and_fits_a_telephone(
    browser: Any, comparison: Path, scheme: str
) -> None:
    for visit in opened_page(browser, comparison, color_scheme=scheme):
        assert visit.page.evaluate(CONTRAST) == []
        assert visit.page.locator("#readers tbody tr").count() == 3
        assert visit.page.locator("#differences tbody tr").count() == 4
        visit.page.set_viewport_size({"width": 390, "height": 800})
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
