// The store as the order of its writes. Pure.

import { actor, isBookkeeping } from "../../lib/component";
import type { History, State, StepAt } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import type { KubeObject, Ref, Step } from "../../lib/types";

/** A field that a write changed: what is missing was not there, or is not any more. */
export interface FieldChange {
  path: string;
  from?: string;
  to?: string;
}

/** One write. */
export interface Entry {
  revision: number;
  time: number;
  step: Step;
  ref: Ref;
  /** The revision that the object was at; none: there was no such key, or it is not known. */
  was?: number;
  /** Whether its versions are known, so that changes says all. */
  known: boolean;
  /** Nothing is left of the object. */
  gone: boolean;
  changes: FieldChange[];
}

/** The newest writes up to a moment, in the order of their revisions: of all objects but what the lab keeps for itself, or of one. */
export function writesUpTo(history: History, seq: number, about: Ref | undefined, most = 60): Entry[] {
  const steps = about ? history.stepsOf(about, seq) : history.stepsUpTo(seq);
  const found: StepAt[] = [];
  for (let i = steps.length - 1; i >= 0 && found.length < most; i--) {
    const at = steps[i] as StepAt;
    if (at.step.revision !== undefined && (about || !isBookkeeping(at.step))) found.push(at);
  }
  return found.sort((a, b) => (a.step.revision ?? 0) - (b.step.revision ?? 0)).map((at) => entryOf(history, at));
}

function entryOf(history: History, { step, time }: StepAt): Entry {
  const { object: ref, revision = 0 } = step;
  const change = history.change(step);
  const was = history.versionsOf(ref).findLast((version) => version.body && (version.revision ?? 0) < revision)?.revision;
  const born = step.verb === "create";
  return { revision, time, step, ref, known: change !== undefined, gone: change !== undefined && !change.after, changes: change ? changesBetween(change.before, change.after) : [], ...(was !== undefined && !born && { was }) };
}

/** The store's counter at a moment: no write that is known has a higher revision. */
export function counterAt(state: State, entries: readonly Entry[]): number {
  let revision = entries.at(-1)?.revision ?? 0;
  for (const object of state.objects.values()) revision = Math.max(revision, object.revision);
  return revision;
}

/** Fields that say nothing which the write's place in the order does not say. */
const quiet = /^metadata\.(resourceVersion|managedFields|generation|uid)\b|(Time|Timestamp|Generation)$/;

/** The field that an item of a list goes by. */
const itsName = /\[([^\]]*)\]\.(type|name)$/;

/** A path as it fits into a card: the field, and of which item of a list it is. */
export function briefPath(path: string): string {
  const end = path.lastIndexOf("].");
  const field = path.slice(end + 1).split(".").at(-1) ?? path;
  return end < 0 ? field : `${path.slice(path.lastIndexOf("[", end) + 1, end)} ${field}`;
}

/** What is different in an object, field by field. An object that is new or gone has no changes. */
export function changesBetween(before: KubeObject | undefined, after: KubeObject | undefined): FieldChange[] {
  if (!before || !after) return [];
  const [was, is] = [flat(before), flat(after)];
  const paths = [...new Set([...is.keys(), ...was.keys()])].filter((path) => was.get(path) !== is.get(path));
  const telling = paths.filter((path) => !quiet.test(path) && !itsName.test(path));
  return telling.map((path) => {
    const [from, to] = [was.get(path), is.get(path)];
    return { path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  });
}

/** Every field by its path; an item of a list goes by its type or name, if it has one. */
function flat(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value)) value.forEach((item, i) => flat(item, `${path}[${nameOf(item) ?? i}]`, into));
  else if (value !== null && typeof value === "object") for (const [field, part] of Object.entries(value)) flat(part, path ? `${path}.${field}` : field, into);
  else into.set(path, String(value));
  return into;
}

function nameOf(item: unknown): string | undefined {
  const { type, name } = (item ?? {}) as { type?: unknown; name?: unknown };
  const own = type ?? name;
  return typeof own === "string" ? own : undefined;
}

/** Where an object lies in the store: /registry/deployments.apps/shop/web. Its group is known from its apiVersion. */
export function storeKey(ref: Ref, object: KubeObject | undefined): string | undefined {
  if (!object?.apiVersion) return undefined;
  const [group = "", version] = object.apiVersion.split("/");
  return `/registry/${ref.resource}${version ? `.${group}` : ""}/${ref.namespace ? `${ref.namespace}/` : ""}${ref.name}`;
}

/** The last that is known of an object, up to a moment. */
export function lastBody(history: History, ref: Ref, seq: number): KubeObject | undefined {
  return history.versionsOf(ref, seq).findLast(({ body }) => body)?.body;
}

/** What the store compared before it wrote, in words. */
export function compared({ step, was, known }: Entry): string {
  if (step.verb === "create") return "The store compared: there was no such key.";
  if (was === undefined) return known ? "The store compared the object's revision before it wrote." : "What was there before is not in the record.";
  const read = step.verb.startsWith("patch") ? "The server read the object, applied the patch, and the store compared:" : "The store compared:";
  return `${read} the object was still at revision ${was}.`;
}

/** A program that watches, and what it did because of a write. */
export interface Woken {
  who: string;
  host?: string;
  steps: Step[];
}

/** Who did something because of a write, up to a moment. */
export function wokenBy(history: History, id: string, seq: number): Woken[] {
  const woken = new Map<string, Woken>();
  for (const { step } of history.effectsOf(id, seq)) {
    const key = programOf(step);
    const one = woken.get(key);
    if (one) one.steps.push(step);
    else woken.set(key, { who: step.component, steps: [step], ...(step.host && { host: step.host }) });
  }
  return [...woken.values()].sort((a, b) => (programOf(a.steps[0] as Step) < programOf(b.steps[0] as Step) ? -1 : 1));
}

/** The program that did a step: one of them runs all controllers. */
export function programOf(step: Step): string {
  return step.host && step.component !== "controllers" ? `${step.component}@${step.host}` : step.component;
}

/** A step as a line: by whom, what, on what. */
export function lineOf(step: Step): string {
  return `${actor(step)}: ${step.verb} ${keyOf(step.object)}`;
}

/** The objects that were written, but for what the lab keeps for itself: the one that was written last first, those that are gone too. */
export function writtenObjects(history: History, seq: number, most = 80): Ref[] {
  const steps = history.stepsUpTo(seq);
  const refs = new Map<string, Ref>();
  for (let i = steps.length - 1; i >= 0 && refs.size < most; i--) {
    const { step } = steps[i] as StepAt;
    if (step.revision !== undefined && !isBookkeeping(step) && !refs.has(keyOf(step.object))) refs.set(keyOf(step.object), step.object);
  }
  return [...refs.values()];
}
