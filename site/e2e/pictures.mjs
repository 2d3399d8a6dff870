// What the pictures must draw after a step of a lab: pictures[lab][step](page).
import assert from "node:assert/strict";
import { until } from "./browser.mjs";

/** The picture that is shown. */
const shown = (page) => page.getByRole("tabpanel").first();

async function count(locator, n) {
  await until(`there are ${n} of ${locator}`, async () => (await locator.count()) === n || String(await locator.count()));
}

async function attribute(locator, name, wanted) {
  await until(`${name} of ${locator} is ${wanted}`, async () => {
    const is = await locator.getAttribute(name);
    return wanted.test(is ?? "") || is;
  });
}

async function text(locator, wanted) {
  await until(`${locator} says ${wanted}`, async () => {
    const says = (await locator.allInnerTexts()).join("\n");
    return wanted.test(says) || says;
  });
}

/** A component's box in the map of the cluster says that its process is there. */
async function lives(page, tile) {
  await until(`${tile} is there again`, async () => !/\bdown\b/.test((await page.getByTestId(`tile-${tile}`).getAttribute("class")) ?? "down"));
}

const cluster = {
  async nodes(page) {
    for (const node of ["node-1", "node-2", "node-3"]) await attribute(page.getByTestId(`node-${node}`), "data-state", /^Ready$/);
  },
  etcdIsBack: (page) => lives(page, "etcd"),
};

/** What sets off the last thing that is done in each of the nine steps. A kubelet that was held goes on because it was let go. */
const causes = {
  Request: /^request$/,
  Store: /^request$/,
  Decide: /^kubelab-admin: create$/,
  Bind: /^kubelab-admin: create$/,
  Plan: /^(scheduler: create binding|kubelet@node-1: resume)$/,
  Sandbox: /^kubelet@node-1: decide$/,
  Container: /^kubelet@node-1: decide$/,
  Start: /^runtime@node-1: start process$/,
  Endpoint: /^controllers\/services: (create|update)$/,
};

const phasesOf = (page) => shown(page).locator("[data-testid^=phase-]");
const rulesOn = (page, node) => shown(page).locator(`[data-verb="load rules"][aria-label*="proxy@${node}"][aria-label*="→ 1 endpoint"]`);

export const creation = {
  /** True where all nine steps are done and the rules are loaded on each node; else how it stands. */
  async told(page) {
    const states = await phasesOf(page).evaluateAll((all) => all.map((phase) => phase.dataset.state));
    const rules = await Promise.all(["node-1", "node-2", "node-3"].map((node) => rulesOn(page, node).count()));
    return (states.length === 9 && states.every((state) => state === "done") && !rules.includes(0)) || `${states}; rules ${rules}`;
  },
  async nineSteps(page) {
    await until("all nine steps are done", () => creation.told(page));
    const phases = phasesOf(page);
    const told = await phases.evaluateAll((all) => all.map(({ dataset: { testid, at, cause } }) => ({ name: testid.replace("phase-", ""), at: Number(at), cause })));
    assert.deepEqual(told.map(({ name }) => name), Object.keys(causes));
    const times = told.map(({ at }) => at);
    assert.ok(times[0] === 0 && times.every((at, i) => i === 0 || at >= times[i - 1]), `the steps' times do not go back: ${times}`);
    for (const { name, cause } of told) assert.match(cause, causes[name], `what set off ${name}`);
    const marks = await shown(page).locator("[data-testid^=mark-]").evaluateAll((all) => all.map((mark) => ({ number: Number(mark.dataset.testid.replace("mark-", "")), at: mark.offsetLeft + mark.offsetWidth })));
    assert.ok(marks.length >= 9, `${marks.length} steps are drawn`);
    const inOrder = marks.toSorted((a, b) => a.number - b.number).map(({ at }) => at);
    assert.deepEqual(inOrder, inOrder.toSorted((a, b) => a - b), "the numbers of the steps grow with their times");
  },
};

const scheduler = {
  async threeColumns(page) {
    await count(shown(page).locator("[data-testid^=column-]"), 3);
    await count(shown(page).locator("[data-testid^=total-]"), 3);
  },
  async noNodeHasTheLabel(page) {
    await text(page.getByTestId("decision-node"), /no node/);
    await until("every node refuses", async () => {
      const refused = await shown(page).locator("[data-testid^=filter-][data-answer=refused]").evaluateAll((all) => new Set(all.map((cell) => cell.dataset.testid.match(/node-\d$/)?.[0])).size);
      return refused === 3 || `${refused} refuse`;
    });
  },
  chosen: (node) => (page) => text(page.getByTestId("decision-node"), node),
};

const network = {
  async threePods(page) {
    for (const [pod, node] of [["a", "node-1"], ["b", "node-1"], ["c", "node-2"]]) await page.getByTestId(`net-${node}`).getByTestId(`netpod-${pod}`).waitFor();
    await count(page.getByTestId("net-node-1").locator("[data-testid^=port-]"), 2);
    await text(page.getByTestId("routes-node-1"), /10\.244\.\d+\.0\/24/);
  },
  state: (wanted) => (page) => attribute(page.getByTestId("net-node-2"), "data-state", wanted),
};

const pod = {
  /** Both containers have the one network namespace that the sandbox has, and their own mounts. */
  async twoShareOne(page) {
    await count(shown(page).locator("[data-testid^=container-]"), 2);
    for (const kind of ["net", "uts", "ipc"]) await count(shown(page).getByTestId(`space-${kind}`), 1);
    await text(shown(page).getByTestId("space-net"), /10\.244\.\d+\.\d+[^]*\b40265\d{5}\b/);
  },
};

let revision = 0;
const container = {
  async insideAndOutside(page) {
    await text(shown(page).getByTestId("pid-inside"), /^1$/);
    await text(shown(page).getByTestId("pid-outside"), /^\d{2,}$/);
    for (const kind of ["mnt", "pid", "net", "uts", "ipc"]) await attribute(shown(page).getByTestId(`namespace-${kind}`), "data-verdict", /^own$/);
    await attribute(shown(page).getByTestId("namespace-user"), "data-verdict", /^machine$/);
    const [machine, own] = (await shown(page).getByTestId("namespace-net").innerText()).match(/\b40265\d{5}\b/g);
    assert.notEqual(machine, own, "the container has a network namespace of its own");
  },
  ended: (page) => text(shown(page).getByTestId("container-ended"), /has ended/),
};

const loop = {
  is: (wanted, current, held) => async (page) => {
    await text(shown(page).getByTestId("wanted"), new RegExp(`^${wanted} pods$`));
    await text(shown(page).getByTestId("current"), new RegExp(`^${current}$`));
    await attribute(shown(page).getByTestId("queue"), "data-held", new RegExp(`^${held}$`));
  },
  /** What its last turn made. */
  made: (n) => (page) => count(shown(page).getByTestId("act").filter({ hasText: "create" }), n),
};

const replicas = {
  async three(page) {
    await text(shown(page).getByTestId("replicas-sum"), /3 ready, 3 wanted/);
    const all = shown(page).locator("[data-testid^=line-]");
    await until("three lines go on", async () => (await all.count()) - (await all.and(page.locator(".gone")).count()) === 3 || (await all.allInnerTexts()).join("; "));
  },
  /** A line has ended, and another has begun. */
  async replaced(page) {
    await replicas.three(page);
    await shown(page).locator("[data-testid^=line-].gone").first().waitFor();
  },
};

const sequence = {
  /** How each container stands, and how often it was restarted: {wait: "runs 0"}. */
  stands: (wanted) => async (page) => {
    for (const [container, how] of Object.entries(wanted))
      await until(`${container} is drawn as ${how}`, async () => {
        const row = shown(page).getByTestId(`sequence-${container}`);
        const is = `${await row.getAttribute("data-state")} ${await row.getAttribute("data-restarts")}`;
        return is === how || is;
      });
  },
  /** So many runs of a container are drawn. */
  runs: (container, n) => (page) => count(shown(page).getByTestId(`sequence-${container}`).locator("i.runs, i.done, i.failed"), n),
};

const probes = {
  /** How a probe of the container web stands: what is known by it. */
  stands: (kind, wanted) => (page) => attribute(shown(page).getByTestId(`probe-web-${kind}`), "data-state", wanted),
  /** The pod is no endpoint that gets requests, or is one again; and a probe set that off. */
  endpoint: (kind, ready) => async (page) => {
    await probes.stands(kind, ready ? /^success$/ : /^failure$/)(page);
    await attribute(shown(page).getByTestId("standing-endpoint-shop"), "data-yes", new RegExp(`^${ready}$`));
    await text(shown(page).locator(`[data-testid=set-off][data-kind=${kind}][data-ok=${ready}]`).first(), ready ? /the pod is ready[^]*2 ready/ : /the pod is not ready[^]*1 ready/);
  },
  /** The liveness probe failed so often that its container was stopped, and started again. */
  restarted: (failures) => async (page) => {
    await until("the container has run twice", async () => Number(await shown(page).getByTestId("runs-web").getAttribute("data-runs")) >= 2);
    await shown(page).getByTestId("probe-web-liveness").locator("[data-counts=true]").first().waitFor();
    await text(shown(page).locator("[data-testid=set-off][data-kind=liveness]").first(), new RegExp(`failed ${failures} times in a row[^]*web is stopped`));
  },
};

const volumes = {
  /** What a container sees, and how it stands to what there is: {"web/settings": "follows"}. */
  sees: (wanted) => async (page) => {
    for (const [sight, state] of Object.entries(wanted)) await attribute(shown(page).getByTestId(`sight-${sight}`), "data-state", new RegExp(`^${state}$`));
  },
  /** The directory shows the ConfigMap as it is; a part of it and a variable, as it was when the container started. */
  async splits(page) {
    await volumes.sees({ "web/settings": "follows", "web/etc/colour": "old", web$COLOUR: "old" })(page);
    const version = (name) => shown(page).getByTestId(name).getAttribute("data-version");
    assert.equal(await version("sight-web/settings"), await version("source-configmap/settings"), "the directory has the newest version");
    assert.notEqual(await version("sight-web/etc/colour"), await version("source-configmap/settings"), "the single file has an older one");
  },
  /** A Secret's value is not in the page. */
  async ofASecret(page) {
    await attribute(shown(page).getByTestId("volume-login"), "data-state", /^made$/);
    await text(shown(page).getByTestId("source-secret/login"), /password: •••/);
    assert.ok(!(await shown(page).innerHTML()).includes("tulip"), "the password is not shown");
  },
};

const store = {
  /** The counter has grown since this was last asked. */
  grows: (page) =>
    until("the revision grows", async () => {
      const now = Number(await shown(page).getByTestId("counter").innerText());
      if (now <= revision) return `${now} after ${revision}`;
      revision = now;
      return true;
    }),
};

const service = {
  async path(page) {
    await text(page.getByTestId("vip"), /10\.96\.\d+\.\d+:80/);
    await count(shown(page).locator("[data-testid^=backend-][data-standing=ready]"), 3);
    await count(shown(page).locator("[data-testid^=row-]"), 3);
  },
  refused: (page) => text(page.getByTestId("refused"), /connection refused/),
};

export const pictures = {
  "00-dev-ops": { look: cluster.nodes, kill: cluster.etcdIsBack },
  "01-containers": { start: container.insideAndOutside, namespaces: container.insideAndOutside, "break-it": container.ended },
  "03-pods": { "two-containers": pod.twoShareOne, namespaces: pod.twoShareOne },
  "04-init-containers": {
    waits: sequence.stands({ wait: "runs 0", certificates: "waits 0", migrate: "waits 0", web: "waits 0" }),
    through: sequence.stands({ wait: "done 0", certificates: "runs 0", migrate: "done 0", web: "runs 0" }),
    crash: sequence.runs("web", 2),
    companion: sequence.stands({ wait: "done 0", certificates: "runs 1", migrate: "done 0", web: "runs 1" }),
    end: sequence.stands({ certificates: "done 1", web: "done 1" }),
    "break-it": sequence.stands({ companion: "done 0", report: "done 0" }),
  },
  "05-probes": { "not-now": probes.endpoint("readiness", false), again: probes.endpoint("readiness", true), hangs: probes.restarted(3), "break-it": probes.restarted(4) },
  "07-volumes": {
    share: volumes.sees({ "web/orders": "shared", "report/inbox": "shared", "web/settings": "follows", "web/etc/colour": "settled", web$COLOUR: "settled" }),
    change: volumes.splits,
    renew: volumes.sees({ "web/settings": "follows", "web/etc/colour": "settled", web$COLOUR: "settled" }),
    missing: volumes.sees({ "client/login": "none" }),
    found: volumes.ofASecret,
    "break-it": volumes.sees({ "app/scratch": "shared" }),
  },
  "08-api": { create: store.grows, counter: store.grows, conflict: store.grows, patch: store.grows, "break-it": store.grows },
  "09-loop": { running: loop.is(3, 3, false), hold: loop.is(5, 1, true), "one-turn": loop.made(4), release: loop.is(5, 5, false) },
  "10-scheduler": { spread: scheduler.threeColumns, selector: scheduler.noNodeHasTheLabel, label: scheduler.chosen(/node-2/), step: scheduler.chosen(/node-[123]/) },
  "11-kubelet": { create: creation.nineSteps, turns: creation.nineSteps },
  "12-pod-network": { three: network.threePods, "break-it": network.state(/^cut$/), mend: network.state(/^up$/) },
  "13-services": { service: service.path, none: service.refused, "break-it": service.path },
  "16-replicasets": { create: replicas.three, delete: replicas.replaced, adopt: replicas.replaced },
};
