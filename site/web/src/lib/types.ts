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
  /** The other labs that have left things in the cluster. */
  leftovers?: LabName[] | null;
}

export interface LabName {
  name: string;
  title: string;
}

export interface LabStep {
  id: string;
  title: string;
  html: string;
  run: string[] | null;
  view?: string;
  object?: string;
  needs?: string[] | null;
  check: LabCheck[] | null;
  /** What must stay true before, during and after. */
  holds?: LabCheck[] | null;
  done: boolean;
}

/** A command, and in words what is expected of it. */
export interface LabCheck {
  run: string;
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
  /** The steps that are done, as the cluster keeps them; null: it did not say. */
  progress?: string[] | null;
}

export interface CheckVerdict {
  run: string;
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
