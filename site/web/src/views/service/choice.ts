// Which service, and who asks. Pure.

import type { State } from "../../lib/model";
import { get, list } from "../../lib/select";
import type { Pod, Ref, Service } from "../../lib/types";
import { refOf } from "../../lib/ref";
import { matches } from "./path";

/** The services that a person may want to see: the newest first, and last the API server's own. */
export function servicesOf(state: State): Service[] {
  const age = (service: Service) => state.objects.get(`services/${service.metadata.namespace}/${service.metadata.name}`)?.revision ?? 0;
  const own = ({ metadata }: Service) => Number(metadata.namespace === "default" && metadata.name === "kubernetes");
  return list(state, "services").sort((a, b) => own(a) - own(b) || age(b) - age(a));
}

/** The service that an object is about: itself, that of a slice, or one whose question finds the pod. */
export function serviceOf(state: State, object: Ref | undefined): Ref | undefined {
  if (object?.resource === "services") return object;
  const body = object && get(state, object);
  if (object?.resource === "endpointslices") {
    const name = body?.metadata.labels?.["kubernetes.io/service-name"];
    if (name) return { resource: "services", name, ...(object.namespace && { namespace: object.namespace }) };
  }
  const all = servicesOf(state);
  const found = object?.resource === "pods" && body ? all.find((service) => service.metadata.namespace === object.namespace && matches(body as Pod, service)) : undefined;
  const chosen = found ?? all[0];
  return chosen && refOf("services", chosen);
}
