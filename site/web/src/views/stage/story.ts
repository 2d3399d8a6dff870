// Stories for the tests of pictures: what a pod's node does and writes, at so many milliseconds.

import { History } from "../../lib/model";
import type { Frame, KubeObject, Pod, Ref, Step } from "../../lib/types";
import { livesOf, type Life } from "./lives";

export const start = Date.parse("2026-11-21T10:00:00Z");
export const at = (ms: number) => new Date(start + ms).toISOString();
export const rel = (time: number) => Math.round(time - start);
export const web: Ref = { resource: "pods", namespace: "default", name: "web" };

export class PodStory {
  readonly frames: Frame[] = [];
  #revision = 1;
  #steps = 0;

  /** Writes an object: a step, and the version that it made. Returns the step's id. */
  write(ms: number, ref: Ref, body: object, meta: object = {}, step: Partial<Step> = {}): string {
    const revision = ++this.#revision;
    const id = `r${revision}`;
    this.#frame(ms, { step: { id, time: at(ms), component: "kubelet", verb: this.#known.has(ref.name + ref.resource) ? "patch status" : "create", object: ref, revision, ...step } });
    this.#known.add(ref.name + ref.resource);
    this.#frame(ms + 1, { object: { ref, revision, body: { ...body, metadata: { name: ref.name, namespace: "default", uid: ref.name, creationTimestamp: at(0), ...meta } } as KubeObject } });
    return id;
  }

  readonly #known = new Set<string>();

  /** Writes the pod. */
  pod(ms: number, pod: { spec: Partial<Pod["spec"]>; status?: Pod["status"] }, step: Partial<Step> = {}, meta: object = {}): string {
    return this.write(ms, web, pod, meta, step);
  }

  /** Something that was done to the pod, and wrote nothing. Returns the step's id. */
  does(ms: number, verb: string, detail: string, step: Partial<Step> = {}): string {
    const id = `s${++this.#steps}`;
    this.#frame(ms, { step: { id, time: at(ms), component: "kubelet", host: "node-1", verb, object: web, detail, ...step } });
    return id;
  }

  starts(ms: number, container: string, causes: string[] = []): string {
    return this.does(ms, "start process", `${container}, pid ${100 + this.#steps}`, { component: "runtime", causes });
  }

  exits(ms: number, container: string, code = 0, causes: string[] = []): string {
    return this.does(ms, "exit", `container ${container} exited with code ${code}`, { causes });
  }

  gone(ms: number, ref = web): this {
    this.#frame(ms, { gone: ref });
    return this;
  }

  history(): History {
    const history = new History({ seq: 0, time: at(0), cluster: "c", objects: [], facts: [], steps: [] });
    history.append(this.frames);
    return history;
  }

  life(history = this.history()): Life {
    return livesOf(history, web, history.last)[0] as Life;
  }

  #frame(ms: number, what: Partial<Frame>): void {
    this.frames.push({ seq: this.frames.length + 1, time: at(ms), ...what });
  }
}
