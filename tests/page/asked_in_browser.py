"""What a page is asked in the browser: texts that do not stand out, and controls without a name."""

__all__ = ["CONTRAST", "NAMELESS"]

CONTRAST = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((one) => {
      const part = one / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    const element = texts.currentNode.parentElement;
    if (!text || !element.checkVisibility()) continue;
    const pair = [numbers(getComputedStyle(element).color), ground(element)].map(light);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) faint.push(`${text}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
"""Returns texts whose contrast to what is behind them is below WCAG 2.2's AA, 4.5 to 1."""

NAMELESS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), summary")]
  .filter((one) => {
    const label = one.getAttribute("aria-label") || one.innerText || one.labels?.[0]?.innerText;
    const box = one.getBoundingClientRect();
    const isShown = !one.classList.contains("skip");
    return !label?.trim() || (isShown && (box.height < 20 || box.width < 8));
  })
  .map((one) => one.outerHTML)"""
"""Returns links, buttons and fields without a name, or too small to hit."""
