import type { Step } from "./types";

/** The kinds of those who act; each has a colour of its own, --who-KIND. */
export const whos = ["person", "apiserver", "etcd", "scheduler", "controllers", "kubelet", "runtime", "proxy", "dns", "cluster"] as const;
export type Who = (typeof whos)[number];

const names: Record<Who, string> = {
  person: "Person",
  apiserver: "API server",
  etcd: "etcd",
  scheduler: "Scheduler",
  controllers: "Controllers",
  kubelet: "Kubelet",
  runtime: "Runtime",
  proxy: "Proxy",
  dns: "DNS",
  cluster: "Machine",
};

/** The kind of a component: who is no part of the cluster is a person. */
export function whoOf(component: string): Who {
  const kind = component.split(/[/@.]/)[0] ?? "";
  if (kind === "supervisor" || kind === "kube") return "cluster";
  return (whos as readonly string[]).includes(kind) ? (kind as Who) : "person";
}

export function nameOfWho(who: Who): string {
  return names[who];
}

/** The room of the house in which a step was decided: "replicasets" for kube/replicasets/operator.go:71. */
export function roomOf(step: Step): string | undefined {
  return /^kube\/([^/]+)\//.exec(step.source ?? "")?.[1];
}

/** Whether a step only keeps what the lab itself needs: its progress, which loops are held. */
export function isBookkeeping({ root, detail, object }: Step): boolean {
  return root === "request" && /^kube\//.test(detail ?? "") && (object.resource === "configmaps" || object.resource === "namespaces");
}

/** Whether something came from outside of the loops: a person's request, or an event. */
export function isNews(step: Step): boolean {
  return (step.root === "request" && !isBookkeeping(step)) || step.root === "event";
}

/** Who did a step, as a person reads it: controllers/replicasets, kubelet@node-1. */
export function actor(step: Step): string {
  const room = step.component === "controllers" ? roomOf(step) : undefined;
  return `${step.component}${room ? `/${room}` : ""}${step.host ? `@${step.host}` : ""}`;
}
