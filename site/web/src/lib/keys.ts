/** What the keyboard does outside of the terminal and of fields; the help shows the same list. */
export const keys = {
  play: [" ", "Space", "pause, or go on"],
  live: ["l", "L", "follow what is live"],
  again: ["a", "A", "see the last request again, slowly"],
  previousStep: [",", ",", "to the step before"],
  nextStep: [".", ".", "to the next step"],
  slower: ["-", "−", "slower"],
  faster: ["+", "+", "faster"],
  contents: ["b", "B", "the book's contents"],
  previousChapter: ["[", "[", "the chapter before"],
  nextChapter: ["]", "]", "the next chapter"],
  read: ["r", "R", "read the chapter"],
  lab: ["d", "D", "do the lab"],
  theme: ["t", "T", "light, dark, as the system"],
  projector: ["p", "P", "larger type, for a room"],
  terminal: ["c", "C", "to the command line"],
  maximise: ["m", "M", "fill the window with the pane that is in use"],
  nextPane: ["F6", "F6", "to the next pane; also out of the terminal"],
  help: ["?", "?", "this help"],
  close: ["Escape", "Esc", "close what is open"],
} as const;

export type Action = keyof typeof keys | `view${number}`;

/** What a key press asks for, if anything. */
export function actionOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">, typing: boolean): Action | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if (event.key === "F6") return "nextPane";
  if (typing) return undefined;
  if (/^[0-9]$/.test(event.key)) return `view${event.key === "0" ? 10 : Number(event.key)}`;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return (Object.keys(keys) as (keyof typeof keys)[]).find((action) => keys[action][0] === key);
}
