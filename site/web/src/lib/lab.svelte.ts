import type { Server } from "./server";
import type { Lab, LabName, LabStep, LabVerdict } from "./types";

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
  /** What other labs have left in the cluster, until a person has said what to do about it. */
  leftovers = $state.raw<readonly LabName[]>([]);
  /** Whether things are being taken away. */
  busy = $state(false);
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

  /** Whether a person must first say what is to become of the leftovers: the lab's checks could mistake them for its own things. */
  get asks(): boolean {
    return this.leftovers.length > 0 && this.#listener.mayCheck();
  }

  /** Takes up a lab. No step is open yet, so that nothing is checked while a person only reads. */
  take(lab: Lab): void {
    this.end();
    this.lab = lab;
    this.done = new Set(lab.steps.filter((step) => step.done).map((step) => step.id));
    this.leftovers = this.done.size === 0 ? (lab.leftovers ?? []) : [];
  }

  /** Opens a step, or the first that is not done. */
  begin(at?: string): void {
    if (this.asks) return;
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
    this.leftovers = [];
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

  reset = (): Promise<void> => this.#anew("reset", "The lab begins anew.");

  /** Takes away what other labs have left, and begins. */
  tidy = (): Promise<void> => this.#anew("tidy", "The cluster is clean.");

  /** Begins beside what other labs have left. */
  asItIs(): void {
    this.leftovers = [];
    this.begin();
  }

  /** Has the server change what there is for this lab, and begins with what it says then. */
  async #anew(change: "reset" | "tidy", said: string): Promise<void> {
    const { lab } = this;
    if (!lab || this.busy) return;
    this.error = "";
    this.busy = true;
    try {
      const fresh = await this.#server.post<Lab>(`/api/labs/${lab.name}/${change}`, {});
      if (this.lab?.name !== lab.name) return;
      this.take(fresh);
      this.begin();
      this.said = said;
    } catch (error) {
      this.error = (error as Error).message;
    } finally {
      this.busy = false;
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
    const before = this.done.has(verdict.step);
    if (verdict.progress) this.done = new Set(verdict.progress);
    else if (verdict.done) this.done = new Set(this.done).add(verdict.step);
    if (!before && this.done.has(verdict.step)) this.said = `${this.step?.title ?? "The step"}: done. ${this.next ? `Next: ${this.next.title}` : "All steps are done."}`;
  }
}
