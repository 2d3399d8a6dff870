import type { Component } from "svelte";
import type { History, State } from "../lib/model";
import type { Server } from "../lib/server";
import type { Frame, Ref } from "../lib/types";
import Cluster from "./Cluster.svelte";
import Container from "./Container.svelte";
import Creation from "./Creation.svelte";
import Pod from "./Pod.svelte";
import Probes from "./Probes.svelte";
import Network from "./Network.svelte";
import Loop from "./Loop.svelte";
import Replicas from "./Replicas.svelte";
import Scheduler from "./Scheduler.svelte";
import Sequence from "./Sequence.svelte";
import Service from "./Service.svelte";
import Store from "./Store.svelte";
import Volumes from "./Volumes.svelte";

/** What every picture is given. It draws the state now, and nothing that came later. */
export interface ViewProps {
  /** The state at the chosen moment. */
  now: State;
  /** All that is known; a picture asks it only about what came up to now.seq. */
  history: History;
  /** The chosen moment in milliseconds since 1970; it moves on between frames while time is played. */
  time: number;
  /** The frames that time has just brought into view, for the picture to animate; empty after a jump. */
  fresh: readonly Frame[];
  /** What the picture is about, where the chapter, the lab's step or the person says so. */
  object: Ref | undefined;
  /** Says that the person chose an object: the page then shows why it is as it is. */
  select: (ref: Ref) => void;
  /** Has the cluster do something. There is none where nothing can be done: in a recording, in the past, for who may only look. */
  post?: Server["post"] | undefined;
}

export interface View {
  name: string;
  title: string;
  /** One line: what can be seen here. */
  about: string;
  component: Component<ViewProps>;
  /** The resource of its object, if it is about one. */
  resource?: string;
}

export const views: readonly View[] = [
  { name: "cluster", title: "Cluster", about: "The whole cluster, cut open", component: Cluster },
  { name: "container", title: "Container", about: "A process with a fence: what it sees, and what it may use", component: Container, resource: "pods" },
  { name: "pod", title: "Pod", about: "One pod: its sandbox, its containers, and what they share", component: Pod, resource: "pods" },
  { name: "creation", title: "Creation", about: "How one pod came to be: nine steps, their times and causes", component: Creation, resource: "pods" },
  { name: "store", title: "Store", about: "Every write, in the one order that there is", component: Store },
  { name: "scheduler", title: "Scheduler", about: "Which node: what each rule said of each", component: Scheduler, resource: "pods" },
  { name: "network", title: "Network", about: "Cables, routes, and the way of a packet", component: Network, resource: "pods" },
  { name: "service", title: "Service", about: "The path of one request: name, address, rule, pod", component: Service, resource: "services" },
  { name: "loop", title: "Loop", about: "Wanted, current, plan: one loop at work", component: Loop, resource: "replicasets" },
  { name: "replicas", title: "Replicas", about: "The pods of a ReplicaSet in time: who made them, who ended them, and why", component: Replicas, resource: "replicasets" },
  { name: "sequence", title: "Sequence", about: "The containers of a pod in time: one after the other, beside each other, again", component: Sequence, resource: "pods" },
  { name: "probes", title: "Probes", about: "What a pod's probes said, how many in a row count, and what that set off", component: Probes, resource: "pods" },
  { name: "volumes", title: "Volumes", about: "From an object to a volume to a file: which version each has", component: Volumes, resource: "pods" },
];

export function viewNamed(name: string | undefined): View {
  return views.find((view) => view.name === name) ?? (views[0] as View);
}
