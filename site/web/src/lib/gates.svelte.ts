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

/** A number that grows with every step of step mode, and every change of its ConfigMap. */
export function stepModeChanges(session: Session): number {
  let changes = 0;
  for (const { step } of session.history.steps) if (step.verb === "hold" || step.verb === "resume" || step.object.name === "step-mode") changes++;
  return changes;
}
