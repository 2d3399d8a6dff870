import type { Server } from "./server";
import type { Lab, LabStep, LabVerdict } from "./types";

export interface LabListener {
  opened(step: LabStep): void;
  /** Whether the checks may run: for who looks on they do not. */
  mayCheck(): boolean;
}

/** A lab as one works through it: which steps are done, which is open, and what its checks see just now. */
export class LabWork {
  lab = $state.raw<Lab>();
  done = $state.raw<ReadonlySet<string>>(new Set());
  open = $state<string>();
  verdict = $state.raw<LabVerdict>();
  /** What a screen reader says. */
  said = $state("");
  error = $state("");

  readonly #server: Server;
  readonly #listener: LabListener;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(server: Server, listener: LabListener) {
    this.#server = server;
    this.#listener = listener;
  }

  get step(): LabStep | undefined {
    return this.lab?.steps.find((step) => step.id === this.open);
  }

  /** Takes up a lab. No step is open yet, so that nothing is checked while a person only reads. */
  take(lab: Lab): void {
    this.end();
    this.lab = lab;
    this.done = new Set(lab.steps.filter((step) => step.done).map((step) => step.id));
  }

  /** Opens a step, or the first that is not done. */
  begin(at?: string): void {
    const steps = this.lab?.steps ?? [];
    const first = steps.find((step) => step.id === at) ?? steps.find((step) => !this.done.has(step.id));
    if (first) this.go(first.id);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#hangUp();
    this.lab = undefined;
    this.open = undefined;
    this.verdict = undefined;
  }

  /** Opens a step, or closes the open one. */
  go(id: string | undefined): void {
    clearTimeout(this.#timer);
    this.#hangUp();
    this.open = id;
    this.verdict = undefined;
    const step = this.step;
    if (!step) return;
    this.#listener.opened(step);
    this.#listen(step.id);
  }

  /** The step after the open one that is not done, or else the first such. A person says when to go on: there may be more to look at. */
  get next(): LabStep | undefined {
    const steps = this.lab?.steps ?? [];
    const at = steps.findIndex((step) => step.id === this.open);
    return [...steps.slice(at + 1), ...steps.slice(0, at + 1)].find((step) => !this.done.has(step.id));
  }

  async reset(): Promise<void> {
    const { lab } = this;
    if (!lab) return;
    this.error = "";
    try {
      this.take(await this.#server.post<Lab>(`/api/labs/${lab.name}/reset`, {}));
      this.begin();
      this.said = "The lab begins anew.";
    } catch (error) {
      this.error = (error as Error).message;
    }
  }

  /** Why a step cannot be done yet: the titles of those that it needs. */
  missing(step: LabStep): string[] {
    return (step.needs ?? []).filter((id) => !this.done.has(id)).map((id) => this.lab?.steps.find((other) => other.id === id)?.title ?? id);
  }

  #listen(id: string): void {
    const { lab } = this;
    if (!lab || !this.#listener.mayCheck()) return;
    const socket = this.#server.socket(`/ws/lab?lab=${encodeURIComponent(lab.name)}&step=${encodeURIComponent(id)}`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
      if (socket === this.#socket) this.#judge(JSON.parse(data) as LabVerdict);
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.#timer = setTimeout(() => this.open === id && this.#listen(id), 2_000);
    });
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #judge(verdict: LabVerdict): void {
    if (verdict.step !== this.open) return;
    this.verdict = verdict;
    if (!verdict.done || this.done.has(verdict.step)) return;
    this.done = new Set(this.done).add(verdict.step);
    this.said = `${this.step?.title ?? "The step"}: done. ${this.next ? `Next: ${this.next.title}` : "All steps are done."}`;
  }
}
