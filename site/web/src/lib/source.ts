import type { Server } from "./server";
import type { SourceAnswer } from "./types";

const kept = new Map<string, Promise<string>>();

/** The text of a file of the house. It cannot change while the page is open. */
export function sourceOf(server: Server, file: string): Promise<string> {
  const known = kept.get(file);
  if (known) return known;
  const asked = server.get<SourceAnswer>(`/api/source?file=${encodeURIComponent(file)}`).then((answer) => answer.text);
  kept.set(file, asked);
  asked.catch(() => kept.delete(file));
  return asked;
}
