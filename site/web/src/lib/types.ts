// What the server sends.

import type { KubeObject } from "./kube";

export type * from "./kube";

/** Names an object by its resource, as kubectl does: pods/shop/web-1. */
export interface Ref {
  resource: string;
  namespace?: string;
  name: string;
}

/** Of which kind a step without causes is: a person's request, a time that came, or an event in the world outside. */
export type Root = "request" | "clock" | "event";

/** One thing that one component did. */
export interface Step {
  id: string;
  time: string;
  component: string;
  host?: string;
  verb: string;
  object: Ref;
  causes?: string[];
  root?: Root;
  /** Of the store, if the step wrote to it; the step's id is then "r" and the revision. */
  revision?: number;
  detail?: string;
  /** "kube/replicasets/operator.go:71", where it was decided. */
  source?: string;
  /** What the loop compared and chose; its form is the loop's own. */
  plan?: unknown;
}

/** An object of the API as it is from a revision on. */
export interface Versioned {
  ref: Ref;
  revision: number;
  body: KubeObject;
}

/** What a host knows and no object says. Null data: it is no longer so. */
export interface Fact {
  about: string;
  data?: unknown;
}

/** One thing that happened. Exactly one of step, object, gone and fact is set. */
export interface Frame {
  seq: number;
  time: string;
  step?: Step;
  object?: Versioned;
  gone?: Ref;
  fact?: Fact;
}

/** Everything that holds at a moment. Go writes an empty list as null. */
export interface Snapshot {
  seq: number;
  time: string;
  cluster: string;
  objects: Versioned[] | null;
  facts: Fact[] | null;
  steps: Step[] | null;
}

export interface Hello {
  cluster: string;
  mode: "live" | "replay";
  role: "student" | "viewer";
  terminal: boolean;
  labs: boolean;
  shell?: string;
  notice?: string;
}

export interface Notice {
  level: "info" | "warning" | "error" | "clear";
  text: string;
}

/** What is known of a recording that is being replayed. */
export interface Recording {
  from: string;
  to: string;
  frames: number;
  /** Why the end is missing, if it is. */
  cut?: string;
}

/** A message on /ws/stream: one of these. */
export interface StreamMessage {
  hello?: Hello;
  snapshot?: Snapshot;
  frames?: Frame[];
  notice?: Notice;
  recording?: Recording;
}

// Facts, by what they are about.

/** process/HOST/COMPONENT */
export interface ProcessFact {
  pid: number;
  since?: string;
  up: boolean;
}

/** host/NAME */
export interface HostFact {
  addresses?: string[];
  state: "up" | "cut" | "off";
  podCIDR?: string;
}

/** container/NAMESPACE/POD/NAME */
export interface ContainerFact {
  id: string;
  pid: number;
  namespaces?: Record<string, NamespaceFact>;
  cgroup?: { path: string; files?: Record<string, string> };
  processes?: { pid: number; inner: number; command: string }[];
}

/** A namespace's inode, whether it is the host's, and the inode of the machine's own of this kind. */
export interface NamespaceFact {
  inode: number;
  host?: boolean;
  machine?: number;
}

/** network/NODE */
export interface NetworkFact {
  gateway?: string;
  ports?: { veth: string; namespace: string; pod: string; ip: string }[];
  routes?: { to: string; via?: string; dev?: string }[];
  uplink?: string;
}

/** rules/NODE */
export interface RulesFact {
  text: string;
}

// The book and the labs.

export interface Book {
  parts: BookPart[];
}

export interface BookPart {
  title: string;
  chapters: BookEntry[];
}

export interface BookEntry {
  name: string;
  number: number;
  title: string;
  /** It has a text. */
  ready: boolean;
  lab: boolean;
  view: string;
}

export interface Chapter {
  name: string;
  number: number;
  title: string;
  html: string;
  previous?: string;
  next?: string;
  lab?: Lab;
}

export interface Lab {
  name: string;
  title: string;
  minutes?: number;
  steps: LabStep[];
  challenges?: LabChallenge[] | null;
  /** The other labs that have left things in the cluster. */
  leftovers?: LabName[] | null;
}

export interface LabName {
  name: string;
  title: string;
}

/** What a step and a challenge have in common. */
export interface LabTask {
  id: string;
  title: string;
  html: string;
  view?: string;
  object?: string;
  check: LabCheck[] | null;
  /** What must stay true before, during and after. */
  holds?: LabCheck[] | null;
  /** The hints that are open, as HTML, of so many. */
  hints?: string[] | null;
  grades?: number;
  done: boolean;
}

export interface LabStep extends LabTask {
  predict?: LabQuestion[] | null;
  /** For answers to its questions: there are neither commands nor checks before. */
  waits?: boolean;
  /** Its commands are its last hint. */
  faded?: boolean;
  /** How many hints are open; of a faded step its commands are one. */
  opened?: number;
  run: string[] | null;
  needs?: string[] | null;
}

export interface LabChallenge extends LabTask {
  /** Its fault is in the cluster. */
  begun: boolean;
  /** HTML; when it is done. */
  debrief?: string;
  solutions?: { name: string; do: string[] }[] | null;
}

/** A question about what will happen. */
export interface LabQuestion {
  html: string;
  /** None: it is answered by a word, or a number. */
  choices?: string[] | null;
  number?: boolean;
  unit?: string;
  said?: string;
  /** What was measured; from here on it is there when it was. */
  found?: string;
  right?: boolean;
  measure?: string;
  because?: string;
}

/** A command, what is true when it passes, and what is expected of it. */
export interface LabCheck {
  run: string;
  says?: string;
  expect: string;
}

/** A message on /ws/lab: what the open step's checks saw just now. */
export interface LabVerdict {
  step: string;
  done: boolean;
  checks: CheckVerdict[] | null;
  holds?: CheckVerdict[] | null;
  /** Text, not HTML: what commands print is in it. */
  hint?: string;
  /** Nothing was looked at: a question waits for its answer, or a challenge has not begun. */
  waits?: boolean;
  /** The steps and challenges that are done, as the cluster keeps them; null: it did not say. */
  progress?: string[] | null;
}

export interface CheckVerdict {
  run: string;
  says?: string;
  passed: boolean;
  expected: string;
  seen: string;
}

/** A loop in step mode. */
export interface Gate {
  loop: string;
  held: boolean;
  waiting: Ref[] | null;
}

export interface Fault {
  kind: string;
  title: string;
  /** It takes down more than one thing: ask first. */
  heavy?: boolean;
  targets: { target: string; command: string }[] | null;
}

export interface WhyAnswer {
  steps: Step[] | null;
  /** How many more steps there are. */
  left: number;
}

export interface SourceAnswer {
  file: string;
  text: string;
}
