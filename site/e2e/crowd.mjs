// Many pods on the cluster's simulated nodes: made, changed and removed with kubectl, as a person would.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { patience } from "./browser.mjs";

const namespace = "crowd";
const each = 50;

async function kubectl(words, stdin = "") {
  const running = promisify(execFile)(process.env.KUBECTL, ["--namespace", namespace, ...words], { timeout: patience });
  running.child.stdin.end(stdin);
  return (await running).stdout;
}

const deployment = (name) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: each,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { nodeSelector: { simulated: "true" }, containers: [{ name: "web", image: "busybox", command: ["sleep", "infinity"] }] },
    },
  },
});

const ready = async (names) => {
  for (const name of names) await kubectl(["rollout", "status", `deployment/${name}`]);
};

/** Makes Deployments with so many pods in all, then rolls one of them out anew and scales another one down and up. It ends when all pods are ready. */
export async function gather(pods) {
  const names = Array.from({ length: pods / each }, (_, i) => `crowd-${i + 1}`);
  await kubectl(["create", "namespace", namespace]);
  await kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: names.map(deployment) }));
  await ready(names);
  const [rolled, scaled] = names;
  await kubectl(["set", "env", `deployment/${rolled}`, "VERSION=2"]);
  await kubectl(["scale", `deployment/${scaled}`, "--replicas=0"]);
  await ready([scaled]);
  await kubectl(["scale", `deployment/${scaled}`, `--replicas=${each}`]);
  await ready([rolled, scaled]);
  await kubectl(["wait", "--for=jsonpath={.status.replicas}=50", "deployment", rolled]);
}

/** Removes them all. It ends when nothing is left. */
export const disperse = () => kubectl(["delete", "namespace", namespace, "--ignore-not-found"]);

/** The pods that there are, by name. */
export const names = async () => (await kubectl(["get", "pods", "-o", "name"])).trim().split("\n").map((line) => line.replace("pod/", "")).sort();
