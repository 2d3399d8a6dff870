// The way of a volume: from an object, or from the node, to a directory of the pod, to what a container sees; with the version that
// each has, as far as it can be told. The values of a Secret are never looked at. Pure.

import type { History, State, Version } from "../../lib/model";
import type { ContainerSpec, KubeObject, Pod, Ref } from "../../lib/types";
import { whenWritten, type Life } from "../stage/lives";
import { membersOf, runsOf, type Run } from "../stage/runs";

/** Where files come from. */
export interface Source {
  id: string;
  kind: "configmap" | "secret" | "pod" | "token" | "empty" | "node" | "claim" | "other";
  /** Undefined: it is no object of the API. */
  ref: Ref | undefined;
  name: string;
  says: string;
  /** Undefined: no object, or there is none of this name. */
  version: number | undefined;
  since: number | undefined;
  missing: boolean;
  keys: { name: string; value: string | undefined }[];
}

/** A volume of the pod. */
export interface Volume {
  name: string;
  kind: string;
  says: string;
  sources: string[];
  /** Of what it was filled from, which versions it holds. */
  holds: { source: string; version: number }[];
  /** made: it is there. waits: it cannot be made yet. behind: an object is newer. unknown: the record does not tell. */
  state: "made" | "waits" | "behind" | "unknown";
  /** By which every pod proves who it is: in each pod, and in few lessons. */
  usual: boolean;
}

/** What a container sees. */
export interface Sight {
  id: string;
  container: string;
  kind: "directory" | "single" | "variable";
  /** A path, or the name of a variable. */
  name: string;
  /** The volume that it is of, or the source of a variable. */
  from: string;
  says: string;
  /** follows: it shows what the volume holds. old: something newer is there. settled: it would not follow a change. */
  state: "follows" | "settled" | "old" | "shared" | "none";
  version: number | undefined;
  value: string | undefined;
  readOnly: boolean;
}

export interface Ways {
  sources: Source[];
  volumes: Volume[];
  sights: Sight[];
  /** Why the volumes could not be made, when that was tried last. */
  problem: string | undefined;
}

interface Named {
  name?: string;
}

interface Projection {
  configMap?: Named & { items?: { key: string; path: string }[]; optional?: boolean };
  secret?: Named & { secretName?: string; items?: { key: string; path: string }[]; optional?: boolean };
  downwardAPI?: { items?: { path: string; fieldRef?: { fieldPath?: string }; resourceFieldRef?: { resource?: string } }[] };
  serviceAccountToken?: { path?: string; expirationSeconds?: number };
}

interface VolumeSpec extends Projection {
  name: string;
  emptyDir?: { medium?: string; sizeLimit?: string };
  hostPath?: { path: string; type?: string };
  projected?: { sources?: Projection[] };
  persistentVolumeClaim?: { claimName: string };
}

/** When the kubelet made the volumes, or made them anew, and whether it could. */
interface Mounting {
  time: number;
  problem: string | undefined;
}

/** What is known while a pod is looked at. */
interface Known {
  history: History;
  now: State;
  life: Life;
  namespace: string;
  mountings: Mounting[];
  sources: Map<string, Source>;
}

export function waysOf(history: History, now: State, life: Life, pod: Pod): Ways {
  const begins = "mount volumes";
  const mountings = life.steps
    .filter(({ step }) => step.verb === "decide" && step.detail?.startsWith(begins))
    .map(({ step, time }): Mounting => ({ time, problem: step.detail?.slice(begins.length + 2) || undefined }));
  const known: Known = { history, now, life, namespace: life.ref.namespace ?? "", mountings, sources: new Map() };
  const volumes = ((pod.spec.volumes ?? []) as VolumeSpec[]).map((spec) => volumeOf(known, spec));
  const sights = distinct(membersOf(pod).flatMap(({ spec }) => sightsOf(known, pod, spec, volumes)));
  return { sources: [...known.sources.values()], volumes, sights, problem: mountings.at(-1)?.problem };
}

/** A pod may say the same twice, as two ConfigMaps whose keys all become variables: each sight has an id of its own. */
function distinct(sights: Sight[]): Sight[] {
  const times = new Map<string, number>();
  return sights.map((sight) => {
    const before = times.get(sight.id) ?? 0;
    times.set(sight.id, before + 1);
    return before === 0 ? sight : { ...sight, id: `${sight.id}#${before}` };
  });
}

function volumeOf(known: Known, spec: VolumeSpec): Volume {
  const usual = spec.projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken) === true && spec.name.startsWith("kube-api-access-");
  const projections = spec.projected?.sources ?? [spec];
  const sources = spec.emptyDir || spec.hostPath || spec.persistentVolumeClaim ? [placeOf(known, spec)] : [...new Map(projections.flatMap((one) => filledFrom(known, one, spec.name)).map((source) => [source.id, source])).values()];
  const objects = sources.filter(({ ref }) => ref !== undefined);
  const filled = known.mountings.findLast(({ problem }) => problem === undefined);
  const holds = objects.flatMap((source) => {
    const version = filled && versionAt(known, source, filled.time);
    return version?.revision === undefined ? [] : [{ source: source.id, version: version.revision }];
  });
  const kind = spec.projected ? "projected" : (["emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "persistentVolumeClaim"] as const).find((name) => spec[name] !== undefined) ?? "another kind";
  const waits = (objects.some(({ missing }) => missing) || (objects.length > 0 && known.mountings.at(-1)?.problem !== undefined)) && !filled;
  const behind = objects.some((source) => filled && differs(known, source, filled.time));
  const state = waits ? "waits" : behind ? "behind" : filled || sources.every(({ ref }) => ref === undefined) ? "made" : "unknown";
  return { name: spec.name, kind, says: saysOf(spec, state), sources: sources.map(({ id }) => id), holds, state, usual };
}

function saysOf({ emptyDir, hostPath, persistentVolumeClaim }: VolumeSpec, state: Volume["state"]): string {
  if (emptyDir) return "the pod's own; it goes with the pod";
  if (hostPath) return "the node's own, as it is there: nothing is copied, nothing is removed";
  if (persistentVolumeClaim) return "it outlives the pod";
  if (state === "waits") return "cannot be made yet: no container of the pod starts";
  if (state === "unknown") return "filled by the kubelet; from which version, the record does not tell";
  return "a directory that the kubelet fills, and fills anew when an object changes";
}

/** Where a volume lies that nobody fills. */
function placeOf({ sources, life }: Known, { name, emptyDir, hostPath, persistentVolumeClaim }: VolumeSpec): Source {
  const memory = emptyDir?.medium === "Memory";
  const limit = emptyDir?.sizeLimit ? `, ${emptyDir.sizeLimit} at most` : "";
  const plain = { version: undefined, since: undefined, missing: false, keys: [] };
  const source: Source = persistentVolumeClaim
    ? { ...plain, id: `claim/${persistentVolumeClaim.claimName}`, kind: "claim", ref: { resource: "persistentvolumeclaims", namespace: life.ref.namespace ?? "", name: persistentVolumeClaim.claimName }, name: persistentVolumeClaim.claimName, says: "a claim" }
    : hostPath
      ? { ...plain, id: `node/${name}`, kind: "node", ref: undefined, name: hostPath.path, says: "a path of the node" }
      : { ...plain, id: `empty/${name}`, kind: "empty", ref: undefined, name: memory ? "memory" : "the node's disk", says: `empty at first${limit}` };
  sources.set(source.id, source);
  return source;
}

/** The sources of one projection. */
function filledFrom(known: Known, { configMap, secret, downwardAPI, serviceAccountToken }: Projection, volume: string): Source[] {
  const found: Source[] = [];
  if (configMap?.name) found.push(objectOf(known, "configmap", configMap.name));
  const secretName = secret?.secretName ?? secret?.name;
  if (secretName) found.push(objectOf(known, "secret", secretName));
  const plain = { ref: undefined, version: undefined, since: undefined, missing: false };
  if (downwardAPI) {
    const keys = (downwardAPI.items ?? []).map(({ path, fieldRef, resourceFieldRef }) => ({ name: path, value: fieldRef?.fieldPath ?? resourceFieldRef?.resource }));
    found.push({ ...plain, id: `pod/${volume}`, kind: "pod", name: "the pod itself", says: "what it is: its names, labels, limits", keys });
  }
  if (serviceAccountToken) found.push({ ...plain, id: `token/${volume}`, kind: "token", name: "a token", says: `proof of who the pod is; renewed before it ends${serviceAccountToken.expirationSeconds ? `, ${serviceAccountToken.expirationSeconds} s` : ""}`, keys: [{ name: serviceAccountToken.path ?? "token", value: undefined }] });
  for (const source of found) known.sources.set(source.id, source);
  return found;
}

/** A ConfigMap or Secret as it is now, or that there is none. */
function objectOf(known: Known, kind: "configmap" | "secret", name: string): Source {
  const id = `${kind}/${name}`;
  const before = known.sources.get(id);
  if (before) return before;
  const ref: Ref = { resource: `${kind}s`, namespace: known.namespace, name };
  const version = versionsOf(known, ref).at(-1);
  const body = version?.body;
  const source: Source = {
    id,
    kind,
    ref,
    name,
    says: kind === "secret" && body ? "its values are not shown" : "",
    version: body && version?.revision,
    since: body && version && whenWritten(known.history, version),
    missing: !body,
    keys: keysOf(kind, body).map((key) => ({ name: key, value: valueOf(kind, body, key) })),
  };
  known.sources.set(id, source);
  return source;
}

const versionsOf = ({ history, now }: Known, ref: Ref): readonly Version[] => history.versionsOf(ref, now.seq);

function keysOf(kind: Source["kind"], body: KubeObject | undefined): string[] {
  const parts = kind === "secret" ? [body?.["data"]] : [body?.["data"], body?.["binaryData"]];
  return parts.flatMap((part) => Object.keys((part ?? {}) as object)).sort();
}

/** What a ConfigMap has for a key, in one line. Of a Secret nothing is read, masked though it is. */
function valueOf(kind: Source["kind"], body: KubeObject | undefined, key: string): string | undefined {
  if (kind !== "configmap") return undefined;
  const value = ((body?.["data"] ?? {}) as Record<string, unknown>)[key];
  if (typeof value !== "string") return undefined;
  const line = value.split("\n", 1)[0] ?? "";
  return line.length < value.trimEnd().length || line.length > 32 ? `${line.slice(0, 31)}…` : line;
}

/** An object as it was at a moment. */
function versionAt(known: Known, { ref }: Source, time: number): Version | undefined {
  return ref && versionsOf(known, ref).findLast((version) => version.body && whenWritten(known.history, version) <= time);
}

/**
 * Whether an object holds something else now than at a moment. Of a Secret only the names of its keys are known: a new version is
 * then taken to be on its way until the kubelet has had the time to look.
 */
function differs(known: Known, source: Source, time: number): boolean {
  const [then, last] = [versionAt(known, source, time), source.ref && versionsOf(known, source.ref).at(-1)];
  if (!then || !last?.body || then === last) return false;
  if (source.kind === "secret" && known.now.time - whenWritten(known.history, last) < 1_000) return true;
  return dataOf(source.kind, then.body) !== dataOf(source.kind, last.body);
}

const dataOf = (kind: Source["kind"], body: KubeObject | undefined) => (kind === "secret" ? keysOf(kind, body).join() : JSON.stringify([body?.["data"], body?.["binaryData"]]));

/** What one container sees: its mounts, and the variables that it has from objects. */
function sightsOf(known: Known, pod: Pod, spec: ContainerSpec, volumes: readonly Volume[]): Sight[] {
  const run = runsOf(known.life, spec.name).at(-1);
  const mounts = (spec.volumeMounts ?? []).flatMap((mount): Sight[] => {
    const volume = volumes.find(({ name }) => name === mount.name);
    if (!volume) return [];
    const part = mount.subPath ?? mount.subPathExpr;
    const base = { id: `${spec.name}${mount.mountPath}`, container: spec.name, name: mount.mountPath, from: `volume-${mount.name}`, readOnly: mount.readOnly === true };
    return [part ? { ...base, kind: "single", ...settledIn(known, pod, volume, part, run) } : { ...base, kind: "directory", ...shownOf(known, volume) }];
  });
  return [...mounts, ...variablesOf(known, spec, run)];
}

/** A whole directory shows what the volume holds. */
function shownOf(known: Known, volume: Volume): Pick<Sight, "says" | "state" | "version" | "value"> {
  const nothing = { version: undefined, value: undefined };
  if (volume.state === "waits") return { ...nothing, state: "none", says: "nothing yet" };
  const source = known.sources.get(volume.sources[0] ?? "");
  if (!source || ["empty", "node", "claim"].includes(source.kind)) return { ...nothing, state: "shared", says: "the same files for all who mount it" };
  const held = volume.holds.length === 1 ? volume.holds[0]?.version : undefined;
  return { version: held, value: undefined, state: "follows", says: "follows: ..data turns to the new files" };
}

/** A part of a volume is looked up when the container starts, and never again. */
function settledIn(known: Known, pod: Pod, volume: Volume, part: string, run: Run | undefined): Pick<Sight, "says" | "state" | "version" | "value"> {
  const nothing = { version: undefined, value: undefined };
  if (!run) return { ...nothing, state: "none", says: `${part}: looked up when the container starts` };
  const source = known.sources.get(volume.sources.length === 1 ? (volume.sources[0] ?? "") : "");
  if (!source?.ref || source.kind === "claim") return { ...nothing, state: source ? "shared" : "settled", says: `${part} of the volume, as it was found when the container started` };
  const mounting = known.mountings.findLast(({ time, problem }) => time <= run.from && problem === undefined);
  const key = keyOf(pod, volume.name, part);
  return settledAt(known, source, key, mounting?.time ?? run.from, `${part}: looked up when the container started, and never again`);
}

/** By items the file of a key may have another path. */
function keyOf(pod: Pod, volume: string, path: string): string {
  const spec = (pod.spec.volumes as VolumeSpec[]).find(({ name }) => name === volume);
  const items = spec?.configMap?.items ?? spec?.secret?.items;
  return items?.find((item) => item.path === path)?.key ?? path;
}

function settledAt(known: Known, source: Source, key: string | undefined, time: number, says: string): Pick<Sight, "says" | "state" | "version" | "value"> {
  const version = versionAt(known, source, time);
  const last = source.ref && versionsOf(known, source.ref).at(-1);
  const then = key === undefined ? undefined : valueOf(source.kind, version?.body, key);
  const other = source.kind === "configmap" ? (key === undefined ? dataOf(source.kind, version?.body) !== dataOf(source.kind, last?.body) : rawOf(version?.body, key) !== rawOf(last?.body, key)) : version !== last;
  const old = version !== undefined && last?.body !== undefined && other;
  return { state: old ? "old" : "settled", version: version?.revision, value: then, says: old && source.kind === "secret" ? `${says}; there is a newer version, whose value may be another` : says };
}

const rawOf = (body: KubeObject | undefined, key: string) => ((body?.["data"] ?? {}) as Record<string, unknown>)[key] ?? ((body?.["binaryData"] ?? {}) as Record<string, unknown>)[key];

/** A process gets its variables once, when it starts. */
function variablesOf(known: Known, { name: container, env = [], envFrom = [] }: ContainerSpec, run: Run | undefined): Sight[] {
  const sight = (name: string, source: Source, key: string | undefined): Sight => {
    const says = "given to the process once, when it started";
    const base = { id: `${container}$${name}`, container, kind: "variable" as const, name, from: `source-${source.id}`, readOnly: false };
    return run ? { ...base, ...settledAt(known, source, key, run.from, says) } : { ...base, state: "none", says: "given to the process when it starts", version: undefined, value: undefined };
  };
  return [
    ...env.flatMap(({ name, valueFrom }) => {
      const [map, secret] = [valueFrom?.configMapKeyRef, valueFrom?.secretKeyRef];
      if (map?.name) return [sight(name, objectOf(known, "configmap", map.name), map.key)];
      return secret?.name ? [sight(name, objectOf(known, "secret", secret.name), secret.key)] : [];
    }),
    ...envFrom.flatMap(({ prefix = "", configMapRef, secretRef }) => {
      if (configMapRef?.name) return [sight(`${prefix}*`, objectOf(known, "configmap", configMapRef.name), undefined)];
      return secretRef?.name ? [sight(`${prefix}*`, objectOf(known, "secret", secretRef.name), undefined)] : [];
    }),
  ];
}
