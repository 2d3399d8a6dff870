import type { KubeObject, OwnerReference, Ref } from "./types";

/** An object's name as one string: pods/shop/web-1, or nodes/node-1 where there is no namespace. */
export function keyOf(ref: Ref): string {
  return ref.namespace ? `${ref.resource}/${ref.namespace}/${ref.name}` : `${ref.resource}/${ref.name}`;
}

/** The name of an object that is at hand. */
export function refOf(resource: string, { metadata }: KubeObject): Ref {
  return { resource, name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) };
}

/** Reads what keyOf writes. */
export function parseKey(key: string): Ref | undefined {
  const parts = key.split("/");
  const [resource, second, third] = parts;
  if (!resource || !second || parts.length > 3) return undefined;
  if (third === undefined) return { resource, name: second };
  return third ? { resource, namespace: second, name: third } : undefined;
}

const plurals: Record<string, string> = {
  Pod: "pods",
  Node: "nodes",
  Service: "services",
  ReplicaSet: "replicasets",
  Deployment: "deployments",
  EndpointSlice: "endpointslices",
  ConfigMap: "configmaps",
  Secret: "secrets",
  Namespace: "namespaces",
};

/** The resource of a kind, in lower case and in the plural. */
export function resourceOf(kind: string): string {
  return plurals[kind] ?? `${kind.toLowerCase()}s`;
}

/** Who controls an object. */
function ownerOf({ metadata: { ownerReferences: owners = [] } }: KubeObject): OwnerReference | undefined {
  return owners.find(({ controller }) => controller) ?? owners[0];
}

/** Whether one of these uids is that of an object's controller. */
export function isOf(object: KubeObject, uids: ReadonlySet<string>): boolean {
  return uids.has(ownerOf(object)?.uid ?? "nobody");
}

/** The name of the object that controls this one. */
export function controllerOf(object: KubeObject): Ref | undefined {
  const owner = ownerOf(object);
  if (!owner) return undefined;
  const ref: Ref = { resource: resourceOf(owner.kind), name: owner.name };
  if (object.metadata.namespace && owner.kind !== "Node") ref.namespace = object.metadata.namespace;
  return ref;
}
