import { untrack } from "svelte";

/** Takes what the page is about, each time that this becomes something else. What a person chooses in between stays chosen. */
export function whenAsked(key: () => string | undefined, take: () => void): void {
  const asked = $derived(key());
  $effect(() => {
    if (asked) untrack(take);
  });
}
