import { controllerOf, keyOf } from "../../lib/ref";
import type { Pod, Ref } from "../../lib/types";

/** Pods that one owner made, as they stand together in a picture. */
export interface Group {
  key: string;
  owner?: Ref;
  title: string;
  pods: Pod[];
}

/** Pods by who controls them; those that nobody controls come first, each for itself. */
export function groupsOf(pods: readonly Pod[]): Group[] {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    const key = owner ? keyOf(owner) : "";
    const group = groups.get(key);
    if (group) group.pods.push(pod);
    else groups.set(key, { key, title: owner?.name ?? "", pods: [pod], ...(owner && { owner }) });
  }
  return [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A pod's name without what it has from its owner: "web-5d9c-x7k2p" is "x7k2p" beside "web-5d9c". */
export function shortName(pod: Pod, owner: string): string {
  const { name } = pod.metadata;
  return owner && name.startsWith(`${owner}-`) ? name.slice(owner.length + 1) : name;
}

/** The list as it was, where it still is: what is drawn of it then stays. */
export function unchanged<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return before.length === now.length && before.every((item, i) => item === now[i]) ? before : now;
}
