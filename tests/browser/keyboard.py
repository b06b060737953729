"""Somebody at a keyboard and nothing else: what Tab reaches, and acts that are done by keys."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Locator, Page

MOST_TABS: Final = 250
_WATCH: Final = """() => {
  const can = 'a[href], button, input:not([type=hidden]), select, textarea, summary,' +
    ' [tabindex="0"]';
  const groups = new Set();
  const all = [...document.querySelectorAll(can)].filter(one => {
    const box = one.getBoundingClientRect();
    const shown = one.checkVisibility({visibilityProperty: true}) && box.width;
    if (one.disabled || !shown) return false;
    if (one.type !== 'radio') return true;
    const group = [...(one.form || document).querySelectorAll('input[type=radio]')]
      .filter(other => other.name === one.name);
    const chosen = group.find(other => other.checked);
    const key = group[0];
    if (groups.has(key) || (chosen && chosen !== one)) return false;
    groups.add(key);
    return true;
  });
  window.reached = [];
  document.addEventListener('focusin', event => {
    const one = event.target, style = getComputedStyle(one);
    const told = {
      at: all.indexOf(one),
      seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      covered: false,
    };
    window.reached.push(told);
    // Once it has been scrolled to.
    requestAnimationFrame(() => {
      const box = one.getBoundingClientRect();
      told.covered = document.activeElement === one && !one.matches('.skip') &&
        [...document.querySelectorAll('.topbar, .tabs')]
          .filter(bar => bar.checkVisibility() && !bar.contains(one))
          .map(bar => bar.getBoundingClientRect())
          .some(bar => box.top >= bar.top && box.bottom <= bar.bottom);
      told.box = [box.top, box.bottom, scrollY, innerHeight, document.documentElement.scrollHeight];
    });
  });
  window.all = all;
  return all.map(one => one.tagName.toLowerCase() + ' ' +
    (one.getAttribute('aria-label') || one.innerText || one.name || one.id).trim().slice(0, 60));
}"""


def faults_by_tab(page: Page) -> list[str]:
    """Tab once through a page; give what is not reached, out of order, unseen or covered."""
    names: list[str] = page.evaluate(_WATCH)
    # A scrolling region takes the focus, too, without being asked for.
    for _ in range(len(names) + 4):
        page.keyboard.press("Tab")
    reached: list[dict[str, Any]] = page.evaluate("window.reached")
    places = [one["at"] for one in reached if one["at"] >= 0]
    turn = next((at for at in range(1, len(places)) if places[at] < places[at - 1]), len(places))
    faults = [f"not reached: {names[at]}" for at in set(range(len(names))) - set(places)]
    if len(set(places[:turn])) < len(names):
        faults.append(f"out of order: {[names[at] for at in places[turn - 1 : turn + 1]]}")
    for one in reached:
        name = names[one["at"]] if one["at"] >= 0 else "something else"
        faults += [f"no focus to be seen: {name}"] if not one["seen"] and one["at"] >= 0 else []
        faults += [f"focus under a bar: {name} {one.get('box')}"] if one["covered"] else []
    return sorted(set(faults))


class Keys:
    """Does what a person does by keys: skips to the content, tabs, types, presses Enter."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def skip(self) -> None:
        """Take the skip link to the content."""
        self.page.keyboard.press("Tab")
        assert self.page.evaluate("document.activeElement.className") == "skip"
        self.page.keyboard.press("Enter")
        assert self.page.evaluate("document.activeElement.id") == "main"

    def to(self, target: Locator) -> None:
        """Tab until something has the focus."""
        for _ in range(MOST_TABS):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def write(self, label: str, text: str) -> None:
        self.to(self.page.get_by_label(label, exact=True).first)
        self.page.keyboard.type(text)

    def tick(self, label: str) -> None:
        """Choose a box; within a group of circles the arrows lead there."""
        box = self.page.get_by_label(label, exact=True).first
        if box.get_attribute("type") == "radio":
            name = box.get_attribute("name")
            self.to(self.page.locator(f"input[name='{name}']").first)
            for _ in range(MOST_TABS):
                if box.is_checked():
                    return
                self.page.keyboard.press(
                    "Space" if box.evaluate("b => b === document.activeElement") else "ArrowDown"
                )
        self.to(box)
        self.page.keyboard.press("Space")
        assert box.is_checked()

    def choose(self, label: str, word: str) -> None:
        """Choose from a list by its first letters."""
        box = self.page.get_by_label(label, exact=True).first
        self.to(box)
        self.page.keyboard.type(word)
        assert box.evaluate("one => one.selectedOptions[0].text").startswith(word)

    def unfold(self, words: str) -> None:
        """Open what is folded up."""
        summary = self.page.locator("summary", has_text=words).first
        self.to(summary)
        self.page.keyboard.press("Enter")
        assert summary.evaluate("one => one.parentElement.open")

    def press(self, button: str, *, stays: bool = False) -> None:
        """Press a button.

        Args:
            stays: it leads to no other page.
        """
        self._enter(self.page.get_by_role("button", name=button).first, stays=stays)

    def follow(self, link: str) -> None:
        self._enter(self.page.get_by_role("link", name=link).first)

    def _enter(self, target: Locator, *, stays: bool = False) -> None:
        self.to(target)
        if stays:
            self.page.keyboard.press("Enter")
            return
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
