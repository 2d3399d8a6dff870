import { describe, expect, it } from "vitest";
import type { Pod, Service } from "../../lib/types";
import type { Backend } from "./path";
import { answeredBy, askedBy, flightOf, type Reply } from "./request";

const backend = (name: string, address: string): Backend => ({ name, address, ready: true, terminating: false, standing: "ready" });
const backends = [backend("a", "10.244.1.2"), backend("b", "10.244.1.20")];
const reply = (endpoint?: string): Reply => ({ command: "", output: "", milliseconds: 4, ...(endpoint && { endpoint }) });

describe("a request", () => {
  it("names who asks whom", () => {
    const client = { metadata: { name: "client", namespace: "default" } } as Pod;
    const service = { metadata: { name: "web", namespace: "shop" } } as Service;
    expect(askedBy(client, service, 80)).toEqual({ from: { namespace: "default", pod: "client" }, service: { namespace: "shop", name: "web", port: 80 } });
  });

  it("is answered by the pod with the address that the kernel picked", () => {
    expect(answeredBy(reply("10.244.1.20:8080"), backends)?.name).toBe("b");
    expect([answeredBy(reply("10.244.9.9:80"), backends), answeredBy(reply(), backends), answeredBy(undefined, backends)]).toEqual([undefined, undefined, undefined]);
  });

  it("flies by name, address and table to that pod, and ends at the table where nobody is known to have answered", () => {
    expect(flightOf(reply("10.244.1.2:8080"), backends)).toEqual(["name", "send", "table", "pod-a"]);
    expect(flightOf(reply(), backends)).toEqual(["name", "send", "table"]);
  });
});
