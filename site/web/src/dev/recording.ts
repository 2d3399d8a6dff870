// A cluster that never was, for tests and for the page of those who work on the pictures: three nodes, a Deployment of
// three with a Service, and one pod whose process is killed. Its verbs and details are those of the real components.

import type { Deployment, Frame, KubeObject, Pod, Ref, ReplicaSet, Snapshot, Step } from "../lib/types";

export interface Made {
  snapshot: Snapshot;
  frames: Frame[];
}

const started = Date.parse("2026-03-02T09:00:00Z");
const owner = (kind: string, object: KubeObject) => [{ apiVersion: "apps/v1", kind, name: object.metadata.name, uid: object.metadata.uid ?? "", controller: true }];
const refOf = (resource: string, o: KubeObject): Ref => ({ resource, name: o.metadata.name, ...(o.metadata.namespace && { namespace: o.metadata.namespace }) });

/** Writes frames, with a clock that one sets by hand. */
class Tape {
  readonly frames: Frame[] = [];
  #ms = 0;
  #revision: number;
  #ids = 0;

  constructor(
    private seq: number,
    revision: number,
  ) {
    this.#revision = revision;
  }

  after(ms: number): this {
    this.#ms += ms;
    return this;
  }

  get time(): string {
    const whole = Math.floor(this.#ms);
    const micros = String(Math.round((this.#ms - whole) * 1000)).padStart(3, "0");
    return new Date(started + whole).toISOString().replace("Z", `${micros}Z`);
  }

  frame(content: Omit<Frame, "seq" | "time">): void {
    this.frames.push({ seq: ++this.seq, time: this.time, ...content });
  }

  /** A step that writes nothing. */
  did(component: string, host: string, verb: string, object: Ref, causes: string[], more: Partial<Step> = {}): string {
    const id = `${component}.${host}.${(++this.#ids).toString(16)}`;
    this.frame({ step: { id, time: this.time, component, host, verb, object, ...(causes.length && { causes }), ...more } });
    return id;
  }

  /** A step that writes an object. */
  wrote(component: string, verb: string, resource: string, body: KubeObject, causes: string[], more: Partial<Step> = {}): string {
    const revision = ++this.#revision;
    const ref = refOf(resource, body);
    const kept = structuredClone(body);
    kept.metadata = { ...kept.metadata, resourceVersion: String(revision) };
    this.frame({ step: { id: `r${revision}`, time: this.time, component, verb, object: ref, revision, ...(causes.length && { causes }), ...more } });
    if (verb === "delete") this.frame({ gone: ref });
    else this.frame({ object: { ref, revision, body: kept } });
    return `r${revision}`;
  }
}

function nodeObject(i: number): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: `node-${i}`, uid: `uid-node-${i}`, labels: { "kubernetes.io/hostname": `node-${i}` }, creationTimestamp: "2026-03-02T08:58:00Z" },
    spec: { podCIDR: `10.244.${i - 1}.0/24` },
    status: {
      capacity: { cpu: "2", memory: "4Gi", pods: "110" },
      allocatable: { cpu: "2", memory: "4Gi", pods: "110" },
      addresses: [{ type: "InternalIP", address: `172.30.0.1${i}` }],
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "everything works" }],
    },
  };
}

const serviceObject: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", uid: "uid-service" },
  spec: { clusterIP: "10.96.14.7", type: "ClusterIP", selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080, protocol: "TCP" }] },
};

function sliceObject(pods: Pod[]): KubeObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-x2b7k", namespace: "default", uid: "uid-slice", labels: { "kubernetes.io/service-name": "web" } },
    ports: [{ port: 8080, protocol: "TCP" }],
    endpoints: pods.map((pod) => ({
      addresses: [pod.status?.podIP ?? ""],
      conditions: { ready: pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false },
      nodeName: pod.spec.nodeName ?? "",
      targetRef: { kind: "Pod", namespace: "default", name: pod.metadata.name },
    })),
  };
}

function controlFacts(): [string, unknown][] {
  const facts: [string, unknown][] = [["host/control-plane", { addresses: ["172.30.0.10"], state: "up" }]];
  ["etcd", "apiserver", "scheduler", "controllers"].forEach((name, i) => facts.push([`process/control-plane/${name}`, { pid: 400 + i, up: true, since: "2026-03-02T08:58:00Z" }]));
  for (const n of [1, 2, 3]) facts.push(...nodeFacts(n));
  return facts;
}

function nodeFacts(n: number): [string, unknown][] {
  const others = [1, 2, 3].filter((other) => other !== n);
  return [
    [`host/node-${n}`, { addresses: [`172.30.0.1${n}`], state: "up", podCIDR: `10.244.${n - 1}.0/24` }],
    ...["runtime", "kubelet", "proxy", "dns"].map((name, i): [string, unknown] => [`process/node-${n}/${name}`, { pid: 400 + 10 * n + i, up: true, since: "2026-03-02T08:58:00Z" }]),
    [
      `network/node-${n}`,
      {
        gateway: `10.244.${n - 1}.1`,
        ports: [],
        routes: others.map((other) => ({ to: `10.244.${other - 1}.0/24`, via: `172.30.0.1${other}`, dev: "eth0" })),
        uplink: "eth0",
      },
    ],
    [`rules/node-${n}`, { text: "table ip kubelab {\n\tmap services {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t}\n}" }],
  ];
}

/** The snapshot that it begins with: nodes, Service, no pods. */
function firstSnapshot(): Snapshot {
  const objects = [
    ...[1, 2, 3].map((i) => ({ ref: { resource: "nodes", name: `node-${i}` }, revision: 10 + i, body: nodeObject(i) })),
    { ref: refOf("services", serviceObject), revision: 20, body: serviceObject },
    { ref: { resource: "endpointslices", namespace: "default", name: "web-x2b7k" }, revision: 21, body: sliceObject([]) },
  ];
  const steps: Step[] = [
    { id: "r20", time: new Date(started - 30_000).toISOString(), component: "kubelab-admin", verb: "create", object: refOf("services", serviceObject), root: "request", revision: 20, detail: "kubectl/v1.37.2" },
  ];
  return { seq: 100, time: new Date(started).toISOString(), cluster: "kubelab", objects, facts: controlFacts().map(([about, data]) => ({ about, data })), steps };
}

/** The story. replicas: how many pods its Deployment has. */
export function madeRecording(replicas = 3): Made {
  const snapshot = firstSnapshot();
  const tape = new Tape(snapshot.seq, 40);
  const story = new Story(tape, replicas);
  tape.after(400);
  story.apply();
  for (let i = 0; i < replicas; i++) story.bind(i);
  for (let i = 0; i < replicas; i++) story.start(i);
  tape.after(4_000);
  story.restart(0);
  tape.after(3_000);
  story.scaleDown();
  tape.after(800).frame({ fact: { about: "host/control-plane", data: { addresses: ["172.30.0.10"], state: "up" } } });
  return { snapshot, frames: tape.frames };
}

class Story {
  readonly #deployment: Deployment;
  readonly #set: ReplicaSet;
  readonly #pods: Pod[] = [];
  readonly #made: string[] = [];
  readonly #bound: string[] = [];
  #setWritten = "";

  constructor(
    private readonly tape: Tape,
    private readonly replicas: number,
  ) {
    const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "busybox", command: ["httpd", "-f", "-p", "8080"] }] } };
    this.#deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "default", uid: "uid-deployment", generation: 1 }, spec: { replicas, selector: { matchLabels: { app: "web" } }, template }, status: {} };
    this.#set = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: "web-6b7c9f8d54", namespace: "default", uid: "uid-set", labels: { app: "web" }, ownerReferences: owner("Deployment", this.#deployment) },
      spec: { replicas, selector: { matchLabels: { app: "web" } }, template },
      status: {},
    };
  }

  apply(): void {
    const { tape } = this;
    const asked = tape.wrote("kubelab-admin", "create", "deployments", this.#deployment, [], { root: "request", detail: "kubectl/v1.37.2" });
    tape.after(6.5);
    this.#setWritten = tape.wrote("controllers", "create", "replicasets", this.#set, [asked], { detail: `no ReplicaSet has this template: revision 1, with ${this.replicas} of ${this.replicas} pods at first`, source: "kube/deployments/operator.go:148" });
    for (let i = 0; i < this.replicas; i++) this.#pods.push(this.#newPod(i));
    tape.after(5);
    const plan = { wanted: this.replicas, have: 0, create: this.replicas };
    for (const pod of this.#pods) this.#made.push(tape.after(1.4).wrote("controllers", "create", "pods", pod, [this.#setWritten], { detail: `wanted ${this.replicas}, have 0`, source: "kube/replicasets/operator.go:132", plan }));
  }

  #newPod(i: number): Pod {
    const suffix = ["2jrdw", "kdjd8", "wdlpr", "z8q4t", "m5xvn", "7hc9b"][i] ?? `p${i}`;
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `web-6b7c9f8d54-${suffix}`, namespace: "default", uid: `uid-pod-${i}`, labels: { app: "web", "pod-template-hash": "6b7c9f8d54" }, ownerReferences: owner("ReplicaSet", this.#set), creationTimestamp: "2026-03-02T09:00:00Z" },
      spec: { containers: [{ name: "web", image: "busybox", command: ["httpd", "-f", "-p", "8080"], resources: { limits: { memory: "64Mi" } } }], terminationGracePeriodSeconds: 1 },
      status: { phase: "Pending", conditions: [] },
    };
  }

  bind(i: number): void {
    const pod = this.#pods[i] as Pod;
    const node = `node-${(i % 3) + 1}`;
    pod.spec.nodeName = node;
    pod.status = { phase: "Pending", conditions: [{ type: "PodScheduled", status: "True" }] };
    const verdicts = [1, 2, 3].map((n) => ({ node: `node-${n}`, points: { "free resources": 97 - n, "balanced resources": 96, ...(n === (i % 3) + 1 && { "siblings elsewhere": 100 }) }, total: n === (i % 3) + 1 ? 293 : 190 }));
    this.#bound.push(
      this.tape.after(2.2).wrote("scheduler", "create binding", "pods", pod, [this.#made[i] as string], { detail: `3 of 3 nodes fit, ${node} is best: free resources 97, balanced resources 96, siblings elsewhere 100`, source: "kube/scheduler/operator.go:80", plan: { node, verdicts } }),
    );
  }

  start(i: number): void {
    const pod = this.#pods[i] as Pod;
    const { tape } = this;
    const node = pod.spec.nodeName as string;
    const n = Number(node.slice(5));
    const ref = refOf("pods", pod);
    const ip = `10.244.${n - 1}.${2 + Math.floor(i / 3)}`;
    tape.after(9);
    const wanted = tape.did("kubelet", node, "decide", ref, [this.#bound[i] as string], { detail: "create sandbox (attempt 0)", source: "kube/pods/operator.go:112" });
    const netns = tape.after(10.8).did("runtime", node, "create netns", ref, [wanted]);
    const veth = tape.after(0.2).did("runtime", node, "attach veth", ref, [wanted], { detail: `${ip}: eth0 in the pod, pod${i + 2} on the node` });
    const ports = this.#pods.slice(0, i + 1).filter((p) => p.spec.nodeName === node).map((p, at) => ({ veth: `pod${at + 2}`, namespace: "default", pod: p.metadata.name, ip: `10.244.${n - 1}.${2 + at}` }));
    tape.frame({ fact: { about: `network/${node}`, data: { gateway: `10.244.${n - 1}.1`, ports, routes: [...ports.map(({ ip, veth: dev }) => ({ to: ip, dev })), ...[1, 2, 3].filter((o) => o !== n).map((o) => ({ to: `10.244.${o - 1}.0/24`, via: `172.30.0.1${o}`, dev: "eth0" }))], uplink: "eth0" } } });
    const shim = tape.after(3.1).did("runtime", node, "start shim", ref, [wanted], { detail: `sandbox f4d24305b3762e${i}` });
    const container = tape.after(1.2).did("kubelet", node, "decide", ref, [wanted, netns, veth, shim], { detail: "start container web (attempt 0) in sandbox f4d24305b3762e", source: "kube/pods/operator.go:112" });
    this.#run(pod, 0, ip, container);
  }

  /** From the decision to start the container to rules on each node. */
  #run(pod: Pod, attempt: number, ip: string, decided: string): void {
    const { tape } = this;
    const node = pod.spec.nodeName as string;
    const ref = refOf("pods", pod);
    const mount = tape.after(4).did("runtime", node, "mount rootfs", ref, [decided], { detail: "busybox: 1 layers" });
    const process = tape.after(18).did("runtime", node, "start process", ref, [decided], { detail: `web, pid ${1200 + attempt}` });
    tape.frame({ fact: { about: `container/default/${pod.metadata.name}/web`, data: containerFact(pod, attempt) } });
    pod.status = { ...runningStatus(attempt), podIP: ip, hostIP: `172.30.0.1${node.slice(5)}` };
    const ready = tape.after(1.5).wrote("kubelet", "patch status", "pods", pod, [decided, mount, process], { host: node, detail: "phase Running, container web runs, Ready is True", source: "kube/pods/status.go:29" });
    this.#publish([ready]);
  }

  #publish(causes: string[]): void {
    const { tape } = this;
    const ready = this.#pods.filter((p) => p.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"));
    const slice = tape.after(3).wrote("controllers", "update", "endpointslices", sliceObject(ready), causes, { detail: `${ready.length} pods match, ${ready.length} ready`, source: "kube/services/operator_endpoints.go:88" });
    for (const n of [1, 2, 3]) tape.after(1.1).did("proxy", `node-${n}`, "load rules", { resource: "services", namespace: "default", name: "web" }, [slice], { detail: `10.96.14.7:80 to ${ready.length} endpoints`, source: "kube/services/operator_rules.go:71" });
    this.#set.status = { replicas: this.#pods.length, readyReplicas: ready.length, availableReplicas: ready.length };
    const counted = tape.after(1).wrote("controllers", "update status", "replicasets", this.#set, causes, { detail: `${ready.length} of ${this.replicas} ready`, source: "kube/replicasets/operator.go:166" });
    this.#deployment.status = { replicas: this.#pods.length, updatedReplicas: this.#pods.length, readyReplicas: ready.length, availableReplicas: ready.length };
    tape.after(2).wrote("controllers", "update status", "deployments", this.#deployment, [counted], { detail: `${ready.length} of ${this.replicas} available`, source: "kube/deployments/operator.go:190" });
  }

  /** The container's process is killed from outside; the kubelet starts another. */
  restart(i: number): void {
    const pod = this.#pods[i] as Pod;
    const { tape } = this;
    const node = pod.spec.nodeName as string;
    const ref = refOf("pods", pod);
    const exit = tape.did("runtime", node, "exit", ref, [], { root: "event", detail: "web exited with code 137 (SIGKILL)" });
    tape.frame({ fact: { about: `container/default/${pod.metadata.name}/web`, data: null } });
    pod.status = { ...pod.status, conditions: [{ type: "PodScheduled", status: "True" }, { type: "Ready", status: "False" }], containerStatuses: [{ name: "web", ready: false, restartCount: 0, state: { terminated: { exitCode: 137, reason: "Error" } } }] };
    const down = tape.after(3).wrote("kubelet", "patch status", "pods", pod, [exit], { host: node, detail: "container web terminated (137), Ready is False", source: "kube/pods/status.go:29" });
    this.#publish([down]);
    const again = tape.after(12).did("kubelet", node, "decide", ref, [exit], { detail: "start container web (attempt 1)", source: "kube/pods/operator.go:112" });
    this.#run(pod, 1, pod.status.podIP ?? "", again);
  }

  /** A person asks for one pod less. */
  scaleDown(): void {
    const { tape } = this;
    const wanted = this.replicas - 1;
    this.#deployment.spec.replicas = wanted;
    const asked = tape.wrote("kubelab-admin", "patch", "deployments", this.#deployment, [], { root: "request", detail: "kubectl/v1.37.2" });
    this.#set.spec.replicas = wanted;
    const scaled = tape.after(5).wrote("controllers", "update", "replicasets", this.#set, [asked], { detail: `revision 1: from ${this.replicas} to ${wanted} pods`, source: "kube/deployments/operator.go:148" });
    const pod = this.#pods.pop() as Pod;
    const ref = refOf("pods", pod);
    pod.metadata.deletionTimestamp = tape.time;
    const marked = tape.after(4).wrote("controllers", "update", "pods", pod, [scaled], { detail: `wanted ${wanted}, have ${this.replicas}`, source: "kube/replicasets/operator.go:145", plan: { wanted, have: this.replicas, delete: [pod.metadata.name] } });
    this.#publish([marked]);
    const stop = tape.after(8).did("kubelet", pod.spec.nodeName ?? "", "decide", ref, [marked], { detail: "stop container web (grace 1 s)", source: "kube/pods/operator.go:112" });
    tape.after(1_000).frame({ fact: { about: `container/default/${pod.metadata.name}/web`, data: null } });
    tape.wrote("kubelet", "delete", "pods", pod, [stop], { host: pod.spec.nodeName ?? "", detail: "all containers have ended" });
  }
}

function runningStatus(attempt: number): NonNullable<Pod["status"]> {
  const conditions = ["PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"].map((type) => ({ type, status: "True" as const }));
  return { phase: "Running", conditions, containerStatuses: [{ name: "web", ready: true, started: true, restartCount: attempt, state: { running: { startedAt: "2026-03-02T09:00:00Z" } } }] };
}

function containerFact(pod: Pod, attempt: number): unknown {
  const own = ["net", "pid", "mnt", "uts", "ipc", "cgroup"].map((name, i): [string, unknown] => [name, { inode: 4026532200 + attempt * 10 + i }]);
  return {
    id: `db33a1e07bb6${attempt}`,
    pid: 1200 + attempt,
    namespaces: Object.fromEntries([...own, ["user", { inode: 4026531837, host: true }]]),
    cgroup: { path: `/kube/${pod.spec.nodeName}/pods/${pod.metadata.uid}/web`, files: { "memory.max": "67108864", "cpu.max": "max 100000", "pids.max": "max" } },
    processes: [{ pid: 1200 + attempt, inner: 1, command: "httpd -f -p 8080" }],
  };
}
