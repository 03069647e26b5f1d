"""What holds for every page, however it is shown: axe-core's rules, its layout, its targets, its movement, the way of the Tab key."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

VIEWPORTS = [(390, 844), (768, 1024), (1280, 900)]
TOLERANCE_PX = 1
MOST_MOVEMENT = 0.02
SMALLEST_TARGET_PX = 24  # WCAG 2.2, 2.5.8

MOVEMENT = """window.shifts = [];
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({ value, sources }) =>
        ({ value, moved: sources.map(({ node }) => node?.outerHTML?.slice(0, 90)) })))).observe({ type: "layout-shift", buffered: true });"""
"""A script to run before the page's own: it keeps all shifts of the layout, those that follow a press as well."""

_EVERYTHING = """
    const inside = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? inside(e.shadowRoot) : [])]);
    const up = (e) => e.parentElement ?? e.assignedSlot ?? e.getRootNode().host ?? null;
    const seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const spoken = (e) => e && (getComputedStyle(e).clipPath !== "none" || spoken(up(e)));
"""
_CUT_OFF = (
    "([tolerance]) => {"
    + _EVERYTHING
    + """
    const faults = [];
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth) faults.push(`the page scrolls sideways: ${page.scrollWidth} of ${page.clientWidth} px`);
    for (const element of inside(document)) {
        const words = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!words.length || !seen(element) || spoken(element) || element.closest("[title]")) continue;
        for (const node of words) {
            const range = document.createRange();
            range.selectNodeContents(node);
            const { left, right, top, bottom, width } = range.getBoundingClientRect();
            if (!width) continue;
            const said = `"${node.data.trim().slice(0, 40)}"`;
            let scrolls = false;
            for (let box = element; box && box !== page && box !== document.body; box = up(box)) {
                const style = getComputedStyle(box);
                if (style.overflowX === "visible" && style.overflowY === "visible") continue;
                scrolls ||= [style.overflowX, style.overflowY].some((way) => way === "auto" || way === "scroll");
                if (scrolls) continue;
                const { left: l, right: r, top: t, bottom: b } = box.getBoundingClientRect();
                if (left < l - tolerance || right > r + tolerance || top < t - tolerance || bottom > b + tolerance)
                    faults.push(`${said} is cut off by ${box.localName}.${box.className}`);
            }
            if (!scrolls && (left < -tolerance || right > page.clientWidth + tolerance)) faults.push(`${said} is beside the window`);
        }
    }
    return faults;
}"""
)
_SMALL_TARGETS = (
    "([least]) => {"
    + _EVERYTHING
    + """
    return inside(document).filter((e) => e.matches("a[href], button, input, select, textarea, summary, [tabindex='0']") && seen(e))
        // A card's link reaches over the whole card, a field's label is pressed as well as the field.
        .map((e) => e.closest("label") ?? (getComputedStyle(e, "::after").position === "absolute" && e.offsetParent || e))
        .filter((e) => { const { width, height } = e.getBoundingClientRect(); return Math.min(width, height) < least; })
        .filter((e) => !(e.localName === "a" && getComputedStyle(e).display === "inline" && e.parentElement?.matches("p, li, td, dd")))
        .map((e) => { const { width, height } = e.getBoundingClientRect(); return `${e.outerHTML.slice(0, 90)}: ${width} x ${height}`; });
}"""
)
_SETTLED = """() => Promise.all(document.getAnimations().filter((moving) => moving instanceof CSSTransition)
    .map(({ finished }) => finished.catch(() => {}))).then(() => {})"""
_FOCUSED = (
    "() => {"
    + _EVERYTHING
    + """
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    if (!e || e === document.body || e === document.documentElement) return null;
    const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    const visible = outlined(getComputedStyle(e)) || outlined(getComputedStyle(e, "::after"));
    const { left, right, top, bottom } = e.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    let on = document.elementFromPoint(x, y);
    while (on?.shadowRoot?.elementFromPoint(x, y) && on.shadowRoot.elementFromPoint(x, y) !== on) on = on.shadowRoot.elementFromPoint(x, y);
    let covered = true;
    for (let box = on; box; box = up(box)) covered &&= box !== e;
    const [own] = e.labels ?? [];
    const words = (node) => [...node.childNodes].map((c) => c.nodeType === Node.TEXT_NODE ? c.data : c.getAttribute?.("alt") ?? ` ${words(c)} `).join("");
    const name = e.ariaLabel || (e.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean)
        .map((id) => e.getRootNode().getElementById(id).textContent).join(" ") || (own ? words(own) : "") || words(e) || e.title;
    return { name: name.replace(/\\s+/g, " ").trim(), faults: [
        ...(visible ? [] : [`${e.outerHTML.slice(0, 90)} shows no focus`]),
        ...(covered && !e.matches("input[type=checkbox], input[type=radio]") ? [`${e.outerHTML.slice(0, 90)} has the focus out of sight`] : []),
    ] };
}"""
)


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core finds against all of its rules, or against those that are named."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with it").Axe()
    found = axe.run(page, options={"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})})
    return [
        f"{v['id']}: {n['target']} {n.get('failureSummary', '')}"
        for v in found.response["violations"]
        for n in v["nodes"]
    ]


def layout_faults(page: Page) -> list[str]:
    """Sideways scrolling, words that are cut off or beside the window, and targets that are too small."""
    return [*page.evaluate(_CUT_OFF, [TOLERANCE_PX]), *page.evaluate(_SMALL_TARGETS, [SMALLEST_TARGET_PX])]


def movement(page: Page) -> tuple[float, list[Any]]:
    """How much the layout has shifted since the page was opened, all shifts added up, and each of them."""
    shifts = page.evaluate("shifts")
    return sum(shift["value"] for shift in shifts), shifts


def faults(page: Page) -> list[str]:
    """All of it, in the light and in the dark, with and without motion."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce" if scheme == "light" else "no-preference")
        page.evaluate(_SETTLED)  # a colour on its way to another is none to judge
        rules = () if scheme == "light" else ("color-contrast",)  # no other rule depends on colours
        found += [f"{scheme}: {fault}" for fault in [*violations(page, *rules), *layout_faults(page)]]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    moving = page.evaluate("document.getAnimations().filter(({ playState }) => playState === 'running').length")
    return [*found, *(["something moves though motion is to be reduced"] if moving else [])]


def tab_stops(page: Page, most: int = 80) -> list[str]:
    """What the Tab key reaches from where the focus is until it leaves the page or comes back, by name; each shows that it has the focus."""
    stops: list[str] = []
    first = None
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(_FOCUSED)
        if found is None or (stops and page.evaluate("(e) => e === document.activeElement", first)):
            return stops
        assert not found["faults"], found["faults"]
        first = first or page.evaluate_handle("document.activeElement")
        stops.append(found["name"])
    raise AssertionError(f"no end after {stops}")
