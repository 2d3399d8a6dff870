import type { State } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import { owned } from "../../lib/select";
import type { Ref } from "../../lib/types";
import { refOf } from "../../lib/ref";

/** The pod that an object stands for: itself, or the newest one of what owns pods. Anything else stands for none. */
export function podOf(now: State, object: Ref | undefined): Ref | undefined {
  if (object?.resource === "pods") return object;
  if (object?.resource === "deployments") return newest(owned(now, object).flatMap((set) => owned(now, refOf("replicasets", set)).map((pod) => refOf("pods", pod))), now);
  if (object?.resource === "replicasets") return newest(owned(now, object).map((pod) => refOf("pods", pod)), now);
  return undefined;
}

function newest(pods: readonly Ref[], now: State): Ref | undefined {
  const made = (pod: Ref) => now.objects.get(keyOf(pod))?.body.metadata.creationTimestamp ?? "";
  return [...pods].sort((a, b) => (made(a) < made(b) ? 1 : -1))[0];
}
