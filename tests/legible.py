"""What makes a page legible, as Chromium lays it out: nothing is cut, hidden, or overlaps."""

from pathlib import Path

from browser import Page

WIDTHS = (1400, 390)

_FAULTS = """
(() => {
  const faults = [], root = document.documentElement, wide = root.clientWidth;
  const say = (what, each) => faults.push(`${what}: ${each.outerHTML.slice(0, 120)}`);
  const box = each => each.getBoundingClientRect();
  const visible = each => each.checkVisibility() && box(each).width > 0;
  if (root.scrollWidth > wide) faults.push(`the page is ${root.scrollWidth} wide`);
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    if (parts.length > 3 && parts[3] === 0) return null;
    const [r, g, b] = parts.map(part => part / 255)
      .map(part => part < .04 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = each => {
    for (; each; each = each.parentElement) {
      const found = light(getComputedStyle(each).backgroundColor);
      if (found !== null) return found;
    }
    return 1;
  };
  for (const each of document.querySelectorAll("body *")) {
    if (!visible(each) || each.matches("script, style, input")) continue;
    const style = getComputedStyle(each), {left, right} = box(each);
    if (left < -.5 || right > wide + .5) say("beyond the window", each);
    const block = each instanceof HTMLElement && style.display !== "inline";
    if (block && each.scrollWidth > each.clientWidth + 1)
      say(`content ${each.scrollWidth} wide in ${each.clientWidth}`, each);
    const words = [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!words || each.matches("title, desc")) continue;
    const a = light(each instanceof SVGElement ? style.fill : style.color), b = behind(each);
    if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) say("too little contrast", each);
    if (parseFloat(style.fontSize) < 11) say("too small", each);
  }
  for (const svg of document.querySelectorAll("svg")) {
    if (!visible(svg)) continue;
    const outer = box(svg);
    const texts = [...svg.querySelectorAll("text")].filter(visible).map(each => [each, box(each)]);
    texts.forEach(([each, a], i) => {
      const across = a.left >= outer.left - .5 && a.right <= outer.right + .5;
      if (!across || a.top < outer.top - .5 || a.bottom > outer.bottom + .5) say("cut", each);
      for (const [other, b] of texts.slice(i + 1)) {
        const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (x > .5 && y > 3) say(`overlaps ${other.textContent}`, each);
      }
    });
  }
  return faults;
})()
"""


def faults(page: Page, path: Path) -> list[str]:
    """Return what is wrong with a page at all widths, light and dark, with and without scripts."""
    found = []
    for width in WIDTHS:
        for dark in (False, True):
            for script in (True, False):
                page.open(path, width, dark=dark, script=script)
                where = f"{width} {'dark' if dark else 'light'} {'' if script else 'no script'}"
                found += [f"{where}: {each}" for each in (*page.run(_FAULTS), *page.errors)]
    return found
