import type { Wire } from "../stage/wires";
import type { Backend, Table } from "./path";

/** The lines of a request's path: to the name server, to the Service's address, through the rows, to the pods. */
export function wiresOf(client: boolean, home: string, headless: boolean, table: Table, backends: readonly Backend[]): Wire[] {
  const used = { left: 0, right: 0 };
  const side = (local: boolean) => (local ? { out: "left" as const, lane: used.left++ % 3 } : { out: "right" as const, lane: used.right++ % 5 });
  const asked: Wire[] = client ? [{ id: "name", from: "client", to: "dns", kind: "watch", who: "dns" }] : [];
  if (headless) return [...asked, ...backends.filter(({ standing }) => standing === "ready").map(({ name }): Wire => ({ id: `pod-${name}`, from: "dns", to: `pod-${name}`, kind: "watch", who: "dns", out: "right" }))];
  return [
    ...asked,
    ...(client ? [{ id: "send", from: "client", to: "vip", kind: "watch" as const, who: "proxy" }] : []),
    { id: "table", from: "vip", to: "table", kind: table.known ? "watch" : "cut", who: "proxy" },
    ...backends.flatMap(({ name, row, node, standing }): Wire[] =>
      row === undefined ? [] : [{ id: `pod-${name}`, from: `row-${row}`, to: `pod-${name}`, kind: standing === "gone" ? "stale" : "watch", who: "proxy", ...side(node === home) }],
    ),
  ];
}
