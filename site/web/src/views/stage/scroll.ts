/** Scrolls a strip, and nothing around it, until one of its items is in the middle. Far away is a jump. */
export function centre(strip: HTMLElement, item: HTMLElement): void {
  const left = item.offsetLeft - strip.offsetLeft - (strip.clientWidth - item.clientWidth) / 2;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || Math.abs(left - strip.scrollLeft) > 2 * strip.clientWidth;
  strip.scrollTo({ left, behavior: calm ? "instant" : "smooth" });
}
