// Three hundred pods: no jank, right after moving through time, bounded memory.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { enter, go, openPage, patience, shot, until } from "./browser.mjs";
import { made, Stream } from "./stream.mjs";

const pods = 300;
let browser, context, origin, recording;
before(async () => {
  recording = await made(pods);
  ({ browser, context, origin } = await enter({ motion: true }));
});
after(() => browser.close());

/** A page that hears the made cluster. */
async function openMade(view = "cluster") {
  const { page, quiet } = await openPage(context);
  const stream = new Stream(recording);
  await stream.replace(page);
  await go(page, `${origin}/#view=${view}`);
  await stream.connected;
  return { page, quiet, stream };
}

const seqOf = async (page) => Number(await page.getByTestId("strip").getAttribute("aria-valuenow"));
const shows = (page, seq) => until(`frame ${seq} is shown`, async () => (await seqOf(page)) === seq || String(await seqOf(page)));

/** The gaps between a page's animation frames, in milliseconds, as long as work goes on. */
async function gaps(page, work) {
  await page.evaluate(() => {
    const seen = (globalThis.gaps = []);
    let last;
    requestAnimationFrame(function look(at) {
      if (last !== undefined) seen.push(at - last);
      last = at;
      requestAnimationFrame(look);
    });
  });
  await work();
  return page.evaluate(() => globalThis.gaps);
}

const share = (all, holds) => all.filter(holds).length / all.length;
const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];

test("three hundred pods come to be without jank", { timeout: 2 * patience }, async (t) => {
  const empty = await context.newPage();
  const idle = await gaps(empty, () => new Promise((done) => setTimeout(done, 5_000)));
  await empty.close();
  const { page, quiet, stream } = await openMade();
  const busy = await gaps(page, () => stream.tell());
  await shows(page, recording.frames.at(-1).seq);
  await shot(page, "300-pods");
  const long = (gap) => gap > 50;
  t.diagnostic(`empty page: ${idle.length} frames, median ${median(idle).toFixed(1)} ms, ${(100 * share(idle, long)).toFixed(1)} % over 50 ms, longest ${Math.max(...idle).toFixed(0)} ms`);
  t.diagnostic(`${pods} pods: ${busy.length} frames, median ${median(busy).toFixed(1)} ms, ${(100 * share(busy, long)).toFixed(1)} % over 50 ms, longest ${Math.max(...busy).toFixed(0)} ms`);
  assert.ok(median(busy) < 2 * median(idle), "the usual frame comes in time");
  assert.ok(share(busy, long) < share(idle, long) + 0.2, "few frames come late");
  quiet();
  await page.close();
});

/** What a picture draws, without what moves or is only about the pointer. */
async function drawn(page, view) {
  await page.getByTestId(`tab-${view}`).click();
  await page.getByTestId(`view-${view}`).first().waitFor();
  return page.getByRole("tabpanel").first().evaluate((panel) => panel.innerHTML);
}

/** Whether two long texts are the same, or where they begin to differ. */
function difference(a, b) {
  if (a === b) return true;
  let at = 0;
  while (a[at] === b[at]) at++;
  return `\n…${a.slice(Math.max(0, at - 300), at + 200)}…\n…${b.slice(Math.max(0, at - 300), at + 200)}…`;
}

test("after moving through time each picture is as if it had come there at once", { timeout: 3 * patience }, async () => {
  const last = recording.frames.at(-1).seq;
  const worn = await openMade();
  await worn.stream.send();
  await shows(worn.page, last);
  const strip = worn.page.getByTestId("strip");
  await strip.focus();
  for (const [key, times] of [["Home", 1], ["ArrowRight", 30], ["PageDown", 4], ["End", 1], ["ArrowLeft", 60], ["ArrowRight", 20]]) for (let i = 0; i < times; i++) await worn.page.keyboard.press(key);
  const fresh = await openMade();
  await fresh.stream.send();
  await shows(fresh.page, last);
  await fresh.page.getByTestId("strip").focus();
  await fresh.page.keyboard.press("End");
  for (let i = 0; i < 40; i++) await fresh.page.keyboard.press("ArrowLeft");
  assert.equal(await seqOf(worn.page), await seqOf(fresh.page));
  const views = await worn.page.getByRole("tablist", { name: "Pictures" }).getByRole("tab").evaluateAll((tabs) => tabs.map((tab) => tab.dataset.tab));
  for (const view of views) await until(`${view} is the same`, async () => difference(await drawn(worn.page, view), await drawn(fresh.page, view)), 10_000);
  for (const { page, quiet } of [worn, fresh]) {
    quiet();
    await page.close();
  }
});

/** More frames of the same pods: their status is written again and again. */
function* churn(from, n) {
  const all = recording.frames.filter(({ object }) => object?.ref.resource === "pods" && object.body.status?.podIP);
  for (let i = 0; i < n; i++) {
    const { object } = all[i % all.length];
    const revision = 1_000_000 + from + i;
    yield { seq: from + i, time: new Date(Date.parse(recording.frames.at(-1).time) + i).toISOString(), object: { ...object, revision, body: { ...object.body, metadata: { ...object.body.metadata, resourceVersion: String(revision) } } } };
  }
}

/** No page keeps more frames than this. */
const kept = 21_000;
const atOnce = 3_000;

test("what is kept is bounded, however much comes", { timeout: 3 * patience }, async (t) => {
  const { page, quiet, stream } = await openMade();
  const devtools = await context.newCDPSession(page);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    return (await devtools.send("Runtime.getHeapUsage")).usedSize / (1 << 20);
  };
  await stream.send();
  let next = recording.frames.at(-1).seq + 1;
  const more = async (n) => {
    for (const end = next + n; next < end; next += atOnce) {
      await stream.send([...churn(next, atOnce)]);
      await shows(page, next + atOnce - 1);
    }
  };
  await more(kept);
  const full = await heap();
  await more(kept);
  const twice = await heap();
  t.diagnostic(`the heap has ${full.toFixed(0)} MiB after ${kept} more frames, and ${twice.toFixed(0)} MiB after as many again`);
  assert.ok(twice < full * 1.1 + 5, `the heap grows from ${full} to ${twice} MiB`);
  quiet();
  await page.close();
});
