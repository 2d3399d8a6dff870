// A request that a person sends from the picture. Pure.

import type { Pod, Service } from "../../lib/types";
import type { Backend } from "./path";

/** What POST /api/request takes. */
export interface Asked {
  from: { namespace: string; pod: string };
  service: { namespace: string; name: string; port: number };
}

/** What it answers. */
export interface Reply {
  command: string;
  output: string;
  /** Why there was no answer, as the client says. */
  failure?: string;
  /** The address and port that the kernel picked; none: it is not known. */
  endpoint?: string;
  milliseconds: number;
}

export function askedBy(client: Pod, service: Service, port: number): Asked {
  return { from: { namespace: client.metadata.namespace ?? "", pod: client.metadata.name }, service: { namespace: service.metadata.namespace ?? "", name: service.metadata.name, port } };
}

/** Who answered: the pod with the address that the kernel picked. */
export function answeredBy(reply: Reply | undefined, backends: readonly Backend[]): Backend | undefined {
  const address = reply?.endpoint?.split(":")[0];
  return address ? backends.find((backend) => backend.address === address) : undefined;
}

/** The wires that the request ran along, in order; it ends at the table where nobody is behind it. */
export function flightOf(reply: Reply, backends: readonly Backend[]): string[] {
  const backend = answeredBy(reply, backends);
  return ["name", "send", "table", ...(backend ? [`pod-${backend.name}`] : [])];
}
