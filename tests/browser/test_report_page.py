"""The HTML report in a real browser: it draws, folds, copies, fits a phone, follows dark mode, and stays inert."""

from pathlib import Path

import pytest

from battle.analysis.reports.files import write_reports
from tests.battle.analysis.charts.samples import eventful_run
from tests.battle.histories import S, failed, fault, healthy, write_run
from tests.browser.chromium import Page, on_a_page, running_chromium

HOSTILE = "</script><img src=x onerror=window.owned=1><script>window.owned=1</script>"
DRAWN = "document.documentElement.dataset.charts !== undefined"
CHARTS = 10

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.alone]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = eventful_run(
        tmp_path_factory.mktemp("eventful") / "run",
        HOSTILE,
        scenario={"name": HOSTILE},
        slo={"success_rate": 0.99},
        world="simulated",
    )
    write_reports(run_dir)
    return run_dir / "report.html"


@pytest.fixture(scope="module")
def strained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with reasons beside its SLOs, on the run, on a workload and on a part of the run."""
    segments = healthy()
    segments["coordinator"] += [
        *fault("kill-a.1", 3 * S, 5 * S),
        *(failed(1000 + n, 4 * S) for n in range(9)),
    ]
    slo = [
        {"success_rate": 0.999, "p95_latency_ms": 300, "max_failover_latency_ms": 2000, "max_memory_mb": 256},
        {"success_rate": 0.99, "p99_latency_ms": 300, "when": "during", "fault": "kill a"},
    ]
    run_dir = write_run(
        tmp_path_factory.mktemp("strained") / "run",
        segments,
        slo=slo,
        workload_slos={"load": {"success_rate": 0.999, "p95_latency_ms": 300}},
    )
    write_reports(run_dir)
    return run_dir / "report.html"


def test_the_report_in_a_browser(report: Path, strained: Path, tmp_path: Path) -> None:
    """One browser for all that is looked at: it takes seconds to start, and must not outlive the test."""

    async def visit(page: Page) -> None:
        await _it_draws_every_chart(page, report)
        await _names_are_inert(page)
        await _charts_answer_to_the_pointer(page)
        await _details_open_and_close(page)
        await _buttons_copy(page)
        await _dark_mode_changes_colours(page)
        await _nothing_overflows_a_phone(page, report)
        await _reasons_fit_a_phone(page, strained)
        await page.open(report)
        await page.wait_until(DRAWN)
        await _it_prints(page, tmp_path)
        await _it_reads_without_a_script(page, report)

    profile = tmp_path / "profile"
    profile.mkdir()
    with running_chromium(profile) as address:
        on_a_page(address, visit)


async def _it_draws_every_chart(page: Page, report: Path) -> None:
    await page.resize(1200, 900)
    await page.prefer("light")
    await page.open(report)
    await page.wait_until(DRAWN)
    sizes = await page.ask(
        "[...document.querySelectorAll('figure.chart svg')]"
        ".map(e => e.getBoundingClientRect()).map(b => [b.width, b.height])"
    )
    assert len(sizes) == CHARTS
    assert all(width > 500 and height > 40 for width, height in sizes)
    marks = await page.ask(
        "[...document.querySelectorAll('figure.chart')].map(f => f.querySelectorAll('.role-mark path').length)"
    )
    assert all(count > 0 for count in marks)
    assert page.requested == [report.as_uri()]


async def _names_are_inert(page: Page) -> None:
    assert await page.ask("window.owned === undefined")
    assert await page.ask("document.images.length") == 0
    assert HOSTILE in await page.ask("document.querySelector('.context').textContent")
    lanes = await page.ask("document.querySelector('[data-kind=breaker_lanes] svg').textContent")
    assert "</script><img src=x" in lanes


async def _charts_answer_to_the_pointer(page: Page) -> None:
    figure = "document.querySelector('[data-kind=latency_over_time] svg')"
    await page.ask(f"{figure}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y, width, height = await page.ask(
        f"(b => [b.x, b.y, b.width, b.height])({figure}.getBoundingClientRect())"
    )
    await page.point_at(x + width * 0.8, y + height * 0.5)
    await page.point_at(x + width * 0.81, y + height * 0.5)
    await page.wait_until("document.querySelector('#vg-tooltip-element.visible')")
    assert "p99 (ms)" in await page.ask("document.querySelector('#vg-tooltip-element').textContent")
    ticks = f"{figure}.querySelector('.role-axis-label').textContent"
    before = await page.ask(ticks)
    wheel = {"type": "mouseWheel", "x": x + width / 2, "y": y + height / 2, "deltaX": 0, "deltaY": -400}
    await page.call("Input.dispatchMouseEvent", **wheel, modifiers=8)  # with Shift
    await page.wait_until(f"{ticks} !== {before!r}")
    assert await page.ask("window.owned === undefined")


async def _details_open_and_close(page: Page) -> None:
    details = "document.querySelector('details.sources')"
    for opened in (True, False):
        await page.click("details.sources > summary")
        assert await page.ask(f"{details}.open") is opened
        assert await page.ask(f"{details}.querySelector('pre').checkVisibility()") is opened


async def _buttons_copy(page: Page) -> None:
    await page.click("details.sources > summary")
    await page.ask("navigator.clipboard.writeText = async text => { window.copied = text; }")
    await page.click("details.sources button.copy")
    await page.wait_until("window.copied !== undefined")
    command = await page.ask("window.copied")
    assert command.startswith("battle sql scripted '-- ")
    await page.wait_until("document.querySelector('details.sources button.copy').textContent === 'Copied'")
    # Without a clipboard the selection is copied, the old way.
    await page.ask(
        "(navigator.clipboard.writeText = () => Promise.reject(new Error('no')),"
        " document.execCommand = () => { window.copied = document.activeElement.value; return true; }, 1)"
    )
    await page.ask("document.querySelector('figure details').open = true")
    await page.click("figure details button.copy")
    await page.wait_until("window.copied.startsWith('lane,t,end')")


async def _dark_mode_changes_colours(page: Page) -> None:
    seen = """(() => {
      const bar = document.querySelector('[data-kind=latency_histogram] .mark-rect path');
      return [getComputedStyle(document.body).backgroundColor, getComputedStyle(bar).fill];
    })()"""
    light = await page.ask(seen)
    await page.prefer("dark")
    dark = await page.ask(seen)
    assert light[0] == "rgb(255, 255, 255)"
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    await page.prefer("dark", media="print")  # paper stays white
    assert await page.ask(seen) == light
    await page.prefer("light")


async def _nothing_overflows_a_phone(page: Page, report: Path) -> None:
    await page.resize(390, 844, mobile=True)
    await page.open(report)
    await page.wait_until(DRAWN)
    await page.ask("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert await page.ask("document.documentElement.scrollWidth") == 390
    wide = await page.ask(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, pre, svg'))"
        ".filter(e => e.getBoundingClientRect().right > 391).map(e => e.outerHTML.slice(0, 80))"
    )
    assert wide == []
    assert page.problems == []


async def _reasons_fit_a_phone(page: Page, strained: Path) -> None:
    """Why an SLO was missed is read without a swipe: each cell ends within the screen, and the reason has room."""
    await page.resize(390, 844, mobile=True)
    await page.open(strained)
    boxes = await page.ask(
        "[...document.querySelectorAll('table.stacks')].map(t => [t.parentElement.scrollWidth, "
        "t.parentElement.clientWidth, "
        "Math.max(...[...t.querySelectorAll('td')].map(c => c.getBoundingClientRect().right))])"
    )
    assert len(boxes) == 2  # the SLOs, and the checks
    assert all(inner <= outer and right <= 390 for inner, outer, right in boxes)
    notes = await page.ask(
        "[...document.querySelector('table.stacks').querySelectorAll('td:last-child')]"
        ".filter(c => c.textContent).map(c => c.getBoundingClientRect().width)"
    )
    assert notes
    assert all(width > 300 for width in notes)


async def _it_prints(page: Page, tmp_path: Path) -> None:
    await page.resize(1200, 900)
    await page.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 20_000
    await page.prefer("light", media="print")
    assert await page.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert await page.ask("document.querySelectorAll('figure.chart svg').length") == CHARTS
    await page.prefer("light")
    assert page.problems == []


async def _it_reads_without_a_script(page: Page, report: Path) -> None:
    await page.call("Emulation.setScriptExecutionDisabled", value=True)
    await page.open(report)
    texts = await page.ask(
        "[...document.querySelectorAll('.text-chart')].map(e => e.getBoundingClientRect().height)"
    )
    assert len(texts) == CHARTS
    assert all(height > 30 for height in texts)
    assert await page.ask("getComputedStyle(document.querySelector('.copy')).display") == "none"
    assert page.problems == []
