import type { Server } from "./server";
import type { Lab, LabChallenge, LabName, LabStep, LabTask, LabVerdict } from "./types";

export interface LabListener {
  opened(task: LabTask): void;
  /** Whether the checks may run: for who looks on they do not. */
  mayCheck(): boolean;
}

/** The answer of a student who would rather see. */
export const dontKnow = "?";

/** A lab as one works through it: which steps and challenges are done, which is open, and what its checks see just now. */
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

  get challenge(): LabChallenge | undefined {
    return this.lab?.challenges?.find((challenge) => challenge.id === this.open);
  }

  /** All that there is to do, in order. */
  get tasks(): LabTask[] {
    return [...(this.lab?.steps ?? []), ...(this.lab?.challenges ?? [])];
  }

  /** Whether a person must first say what is to become of the leftovers: the lab's checks could mistake them for its own things. */
  get asks(): boolean {
    return this.leftovers.length > 0 && this.#listener.mayCheck();
  }

  /** Takes up a lab. No step is open yet, so that nothing is checked while a person only reads. */
  take(lab: Lab): void {
    this.end();
    this.lab = lab;
    this.done = new Set(this.tasks.filter((task) => task.done).map((task) => task.id));
    this.leftovers = this.done.size === 0 ? (lab.leftovers ?? []) : [];
  }

  /** Opens a step, or the first that is not done. */
  begin(at?: string): void {
    if (this.asks) return;
    const first = this.tasks.find((task) => task.id === at) ?? this.tasks.find((task) => !this.done.has(task.id));
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

  /** Opens a step or a challenge, or closes the open one. */
  go(id: string | undefined): void {
    clearTimeout(this.#timer);
    this.#hangUp();
    this.open = id;
    this.verdict = undefined;
    this.error = "";
    const task = this.step ?? this.challenge;
    if (!task) return;
    this.#listener.opened(task);
    this.#listen(task.id);
  }

  /** What comes after the open one and is not done, or else the first such. A person says when to go on: there may be more to look at. */
  get next(): LabTask | undefined {
    const { tasks } = this;
    const at = tasks.findIndex((task) => task.id === this.open);
    return [...tasks.slice(at + 1), ...tasks.slice(0, at + 1)].find((task) => !this.done.has(task.id));
  }

  /** Commits to the answers to the open step's questions: its commands are shown then. */
  predict = (answers: string[]): Promise<void> => this.#work("predict", { answers }, "Your answer is kept. The step goes on.");

  /** Opens one more hint. */
  hint = (): Promise<void> => this.#work("hint", {}, "One more hint is open.");

  /** Makes the fault of the open challenge. */
  challengeMe = (): Promise<void> => this.#work("begin", {}, "The fault is there.");

  /** Has the server do something with what is open, and looks again. */
  async #work(what: string, more: object, said: string): Promise<void> {
    const { lab, open } = this;
    if (!lab || !open || this.busy) return;
    this.error = "";
    this.busy = true;
    try {
      const fresh = await this.#server.post<Lab>(`/api/labs/${lab.name}/${what}`, { step: open, ...more });
      if (this.lab?.name !== lab.name) return;
      this.lab = fresh;
      this.said = said;
      if (this.open === open && what !== "hint") {
        this.#hangUp();
        this.verdict = undefined;
        this.#listen(open);
      }
    } catch (error) {
      this.error = (error as Error).message;
    } finally {
      this.busy = false;
    }
  }

  /** Takes what the server shows of the lab now: measurements, a debrief. */
  async #refresh(): Promise<void> {
    const name = this.lab?.name;
    try {
      const fresh = await this.#server.get<Lab>(`/api/labs/${name}`);
      if (this.lab?.name === name) this.lab = fresh;
    } catch (error) {
      this.error = (error as Error).message;
    }
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
    if (this.step?.waits || this.challenge?.begun === false) return;
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
    if (verdict.waits) void this.#refresh(); // it was forgotten elsewhere what was predicted or begun
    this.verdict = verdict.waits ? undefined : verdict;
    const before = this.done.has(verdict.step);
    if (verdict.progress) this.done = new Set(verdict.progress);
    else if (verdict.done) this.done = new Set(this.done).add(verdict.step);
    if (before || !this.done.has(verdict.step)) return;
    this.said = `${(this.step ?? this.challenge)?.title ?? "The step"}: done. ${this.next ? `Next: ${this.next.title}` : "All is done."}`;
    if (this.challenge || this.step?.predict?.length) void this.#refresh();
  }
}
