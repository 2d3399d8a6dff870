import { keyOf } from "./ref";
import { millis } from "./time";
import type { Fact, Frame, KubeObject, Ref, Snapshot, Step, Versioned } from "./types";

/** What holds right after one frame. Nobody changes a state: each has maps of its own. */
export interface State {
  readonly seq: number;
  /** Milliseconds since 1970. It never goes back, even where frames' times do. */
  readonly time: number;
  readonly cluster: string;
  /** By keyOf(ref). */
  readonly objects: ReadonlyMap<string, Versioned>;
  /** By what they are about. */
  readonly facts: ReadonlyMap<string, Fact>;
}

export const emptyState: State = { seq: 0, time: 0, cluster: "", objects: new Map(), facts: new Map() };

export function stateOf(snapshot: Snapshot): State {
  return {
    seq: snapshot.seq,
    time: millis(snapshot.time) || 0,
    cluster: snapshot.cluster,
    objects: new Map((snapshot.objects ?? []).map((object) => [keyOf(object.ref), object])),
    facts: new Map((snapshot.facts ?? []).map((fact) => [fact.about, fact])),
  };
}

/** The state after these frames, which follow on it. */
export function apply(state: State, frames: readonly Frame[]): State {
  const last = frames.at(-1);
  if (!last) return state;
  const objects = new Map(state.objects);
  const facts = frames.some((frame) => frame.fact) ? new Map(state.facts) : state.facts as Map<string, Fact>; // most frames bring none
  let time = state.time;
  for (const frame of frames) {
    time = Math.max(time, millis(frame.time));
    if (frame.object) objects.set(keyOf(frame.object.ref), frame.object);
    else if (frame.gone) objects.delete(keyOf(frame.gone));
    else if (frame.fact?.data == null) {
      if (frame.fact) facts.delete(frame.fact.about);
    } else facts.set(frame.fact.about, frame.fact);
  }
  return { seq: last.seq, time, cluster: state.cluster, objects, facts };
}

/** A step, and the number of the frame that brought it: 0 for one that was there before the history. */
export interface StepAt {
  readonly seq: number;
  /** When it was done, in milliseconds: may be before the time of its frame. */
  readonly time: number;
  readonly step: Step;
}

/** An object from one frame on; no body: it is gone. */
export interface Version {
  readonly seq: number;
  readonly time: number;
  readonly revision?: number;
  readonly body?: KubeObject;
}

export interface Change {
  readonly ref: Ref;
  readonly before?: KubeObject;
  readonly after?: KubeObject;
}

export interface Limits {
  /** How many frames are kept. */
  frames: number;
  /** How many frames lie between two states that are kept whole. */
  checkpoint: number;
  /** How many of the steps before the first frame are kept. */
  steps: number;
}

export const usualLimits: Limits = { frames: 20_000, checkpoint: 500, steps: 4_000 };

/** Every frame that is kept, over the state before the first of them: what time can be moved through. */
export class History {
  readonly #limits: Limits;
  /** checkpoints[i] is the state after the frame first + i * limits.checkpoint. */
  #checkpoints: State[];
  #frames: Frame[] = [];
  #times: number[] = [];
  #now: State;
  #latest: State;
  #steps: StepAt[] = [];
  readonly #byId = new Map<string, StepAt>();
  readonly #byObject = new Map<string, StepAt[]>();
  readonly #byCause = new Map<string, StepAt[]>();
  readonly #versions = new Map<string, Version[]>();

  constructor(snapshot: Snapshot, limits: Limits = usualLimits) {
    this.#limits = limits;
    const base = stateOf(snapshot);
    this.#checkpoints = [base];
    this.#now = base;
    this.#latest = base;
    for (const object of base.objects.values()) this.#addVersion(base.seq, base.time, object);
    for (const step of (snapshot.steps ?? []).slice(-limits.steps)) this.#addStep(0, step);
  }

  /** The earliest state that is kept. */
  get base(): State {
    return this.#checkpoints[0] ?? emptyState;
  }

  get first(): number {
    return this.base.seq;
  }

  get last(): number {
    return this.#now.seq;
  }

  get firstTime(): number {
    return this.base.time;
  }

  get lastTime(): number {
    return this.#now.time;
  }

  /** The newest state. */
  get now(): State {
    return this.#now;
  }

  /** All kept steps, in the order in which they came. */
  get steps(): readonly StepAt[] {
    return this.#steps;
  }

  /** Takes the frames that follow. Those that are here already are left out; false says that some are missing. */
  append(frames: readonly Frame[]): boolean {
    const fresh = frames.filter((frame) => frame.seq > this.last);
    if (fresh.some((frame, i) => frame.seq !== this.last + 1 + i)) return false;
    for (let from = 0; from < fresh.length; ) {
      const room = this.#limits.checkpoint - (this.#frames.length % this.#limits.checkpoint);
      const piece = fresh.slice(from, from + room);
      this.#now = apply(this.#now, piece);
      for (const frame of piece) this.#index(frame);
      if (piece.length === room) this.#checkpoints.push(this.#now);
      from += piece.length;
    }
    this.#forget();
    return true;
  }

  /** Whether a snapshot is a moment of this history: then what follows on it continues this. Another server counts anew. */
  has(snapshot: Snapshot): boolean {
    const { seq, cluster } = snapshot;
    return seq > 0 && seq >= this.first && seq <= this.last && cluster === this.base.cluster && Math.abs(this.timeOf(seq) - millis(snapshot.time)) < 1;
  }

  /** The state right after a frame; the nearest one that is kept, for a number outside. */
  at(seq: number): State {
    const wanted = Math.min(Math.max(seq, this.first), this.last);
    if (wanted === this.last) return this.#now;
    const kept = this.#checkpoints[Math.floor((wanted - this.first) / this.#limits.checkpoint)] ?? this.base;
    const near = this.#latest.seq >= kept.seq && this.#latest.seq <= wanted ? this.#latest : kept;
    this.#latest = apply(near, this.#frames.slice(near.seq - this.first, wanted - this.first));
    return this.#latest;
  }

  /** The number of the last frame that was there at a time. */
  seqAt(time: number): number {
    return this.first + upperBound(this.#times, (at) => at <= time);
  }

  /** When the frame with this number was there. */
  timeOf(seq: number): number {
    return seq <= this.first ? this.base.time : (this.#times[Math.min(seq, this.last) - this.first - 1] ?? this.base.time);
  }

  /** The frames after one number, up to another. */
  between(after: number, upTo: number): readonly Frame[] {
    return this.#frames.slice(Math.max(0, after - this.first), Math.max(0, upTo - this.first));
  }

  step(id: string): StepAt | undefined {
    return this.#byId.get(id);
  }

  /** The steps known at a moment, oldest first: no copy where it is all of them. */
  stepsUpTo(seq: number): readonly StepAt[] {
    const n = upperBound(this.#steps, (step) => step.seq <= seq);
    return n === this.#steps.length ? this.#steps : this.#steps.slice(0, n);
  }

  /** The first step that came after a frame. */
  stepAfter(seq: number): StepAt | undefined {
    return this.#steps[upperBound(this.#steps, (step) => step.seq <= seq)];
  }

  /** The last step that came before a frame, and not before the history. */
  stepBefore(seq: number): StepAt | undefined {
    const step = this.#steps[upperBound(this.#steps, (step) => step.seq < seq) - 1];
    return step && step.seq > this.first ? step : undefined;
  }

  /** The newest step at a moment that is as asked for. */
  latest(seq: number, wanted: (step: Step) => boolean): StepAt | undefined {
    let at = upperBound(this.#steps, (step) => step.seq <= seq) - 1;
    while (at >= 0 && !wanted((this.#steps[at] as StepAt).step)) at--;
    return this.#steps[at];
  }

  /** The steps on one object up to a moment. */
  stepsOf(ref: Ref, seq = this.last): readonly StepAt[] {
    return (this.#byObject.get(keyOf(ref)) ?? []).filter((step) => step.seq <= seq);
  }

  /** The steps that this one set off, up to a moment. */
  effectsOf(id: string, seq = this.last): readonly StepAt[] {
    return (this.#byCause.get(id) ?? []).filter((step) => step.seq <= seq);
  }

  /** Everything that an object has been, up to a moment. */
  versionsOf(ref: Ref, seq = this.last): readonly Version[] {
    return (this.#versions.get(keyOf(ref)) ?? []).filter((version) => version.seq <= seq);
  }

  /** What a step's write did to its object; undefined for a step that wrote nothing, or nothing that is still known. */
  change(step: Step): Change | undefined {
    if (step.revision === undefined) return undefined;
    const versions = this.#versions.get(keyOf(step.object)) ?? [];
    let at = versions.findIndex((version) => version.revision === step.revision);
    if (at < 0 && step.verb === "delete") at = versions.findIndex((version) => !version.body && version.time >= millis(step.time) - 1000);
    if (at < 0) return undefined;
    const [before, after] = [versions[at - 1]?.body, versions[at]?.body];
    return { ref: step.object, ...(before && { before }), ...(after && { after }) };
  }

  #index(frame: Frame): void {
    const time = Math.max(this.#times.at(-1) ?? this.base.time, millis(frame.time));
    this.#frames.push(frame);
    this.#times.push(time);
    if (frame.step) this.#addStep(frame.seq, frame.step);
    if (frame.object) this.#addVersion(frame.seq, time, frame.object);
    if (frame.gone) push(this.#versions, keyOf(frame.gone), { seq: frame.seq, time });
  }

  #addVersion(seq: number, time: number, object: Versioned): void {
    push(this.#versions, keyOf(object.ref), { seq, time, revision: object.revision, body: object.body });
  }

  #addStep(seq: number, step: Step): void {
    if (this.#byId.has(step.id)) return;
    const at = { seq, time: millis(step.time), step };
    this.#steps.push(at);
    this.#byId.set(step.id, at);
    push(this.#byObject, keyOf(step.object), at);
    for (const cause of step.causes ?? []) push(this.#byCause, cause, at);
  }

  /** Moves the base to the first checkpoint that leaves no more frames than allowed. */
  #forget(): void {
    const over = this.#frames.length - this.#limits.frames;
    if (over <= 0) return;
    const drop = Math.min(Math.ceil(over / this.#limits.checkpoint), this.#checkpoints.length - 1);
    const n = drop * this.#limits.checkpoint;
    this.#checkpoints = this.#checkpoints.slice(drop);
    this.#frames = this.#frames.slice(n);
    this.#times = this.#times.slice(n);
    this.#forgetSteps();
    this.#forgetVersions();
  }

  #forgetSteps(): void {
    const old = upperBound(this.#steps, (step) => step.seq <= this.first);
    const gone = this.#steps.slice(0, Math.max(0, old - this.#limits.steps));
    this.#steps = this.#steps.slice(gone.length);
    for (const { step } of gone) {
      this.#byId.delete(step.id);
      shift(this.#byObject, keyOf(step.object));
      for (const cause of step.causes ?? []) shift(this.#byCause, cause);
    }
  }

  /** Of each object, the version that held at the base is the first that is still needed. */
  #forgetVersions(): void {
    for (const [key, versions] of this.#versions) {
      const needed = Math.max(0, upperBound(versions, (version) => version.seq <= this.first) - 1);
      const left = versions.slice(needed);
      if (left.length === 1 && !left[0]?.body && left[0] && left[0].seq <= this.first) this.#versions.delete(key);
      else if (needed > 0) this.#versions.set(key, left);
    }
  }
}

/** Adds an item to one of the lists. */
export function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

function shift<T>(lists: Map<string, T[]>, key: string): void {
  const list = lists.get(key);
  list?.shift();
  if (list?.length === 0) lists.delete(key);
}

/** How many items at the head of an ordered list hold. */
function upperBound<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
