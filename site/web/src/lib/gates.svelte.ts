import type { Session } from "./session.svelte";
import type { Server } from "./server";
import type { Gate } from "./types";

/** Step mode: which loops are held, and what waits at each. */
export class Gates {
  all = $state.raw<readonly Gate[]>([]);
  error = $state("");
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  get held(): readonly Gate[] {
    return this.all.filter((gate) => gate.held);
  }

  async load(): Promise<void> {
    await this.#take(this.#server.get<{ gates: Gate[] }>("/api/gates"));
  }

  async act(loop: string, action: "hold" | "next" | "release"): Promise<void> {
    await this.#take(this.#server.post<{ gates: Gate[] }>("/api/gates", { loop, action }));
  }

  async #take(asked: Promise<{ gates: Gate[] }>): Promise<void> {
    try {
      [this.all, this.error] = [(await asked).gates, ""];
    } catch (error) {
      this.error = (error as Error).message;
    }
  }
}

/** What waits at a held loop, in words. */
export function waitingAt(gate: Gate): string {
  const names = (gate.waiting ?? []).map((ref) => ref.name);
  if (names.length === 0) return "held; nothing waits yet";
  return `${names.length} waiting: ${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}`;
}

/** A number that grows with every step of step mode, and every change of its ConfigMap. Each step is looked at once. */
export function stepModeChanges({ history }: Session): number {
  const count = counts.get(history) ?? { looked: -1, changes: 0 };
  for (let at = history.steps.length - 1; (history.steps[at]?.seq ?? -1) > count.looked; at--) {
    const step = history.steps[at]?.step;
    if (step?.verb === "hold" || step?.verb === "resume" || step?.object.name === "step-mode") count.changes++;
  }
  count.looked = history.last;
  counts.set(history, count);
  return count.changes;
}

const counts = new WeakMap<Session["history"], { looked: number; changes: number }>();
