// A browser, and pages that keep what they complain about.
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const { chromium } = createRequire(new URL("../web/package.json", import.meta.url))("playwright-core");

const flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];

/** How long the cluster and the pages may take for anything: a machine may be ten times slower than a usual one. */
export const patience = 90_000;

/** Starts a browser and lets it in: the address with the token is good once. motion: whether pictures move. */
export async function enter({ motion } = { motion: false }) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: flags });
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, reducedMotion: motion ? "no-preference" : "reduce" });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  await go(page, process.env.SITE);
  const { origin } = new URL(page.url());
  await page.close();
  return { browser, context, origin };
}

/** What Chromium says when a card of the machine comes or goes, as another test's cluster makes it do. The pages then ask again. */
const elsewhere = "net::ERR_NETWORK_CHANGED";

export async function go(page, address) {
  for (;;) {
    try {
      return await page.goto(address);
    } catch (error) {
      if (!error.message.includes(elsewhere)) throw error;
    }
  }
}

/** A page, and what it complains about: errors, warnings, requests that failed. */
export async function openPage(context) {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && !message.text().includes(elsewhere) && complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
  page.on("requestfailed", (request) => request.failure()?.errorText !== elsewhere && complaints.push(`failed: ${request.url()}: ${request.failure()?.errorText}`));
  page.on("response", (response) => response.status() >= 400 && complaints.push(`${response.status()}: ${response.url()}`));
  return { page, quiet: (cause) => assert.equal(complaints.join("\n"), "", new Error(`the page complains:\n${complaints.join("\n")}`, { cause })) };
}

export async function shot(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
}

/** Waits until a question is answered with something; the last answer is evidence. */
export async function until(what, ask, term = patience) {
  const deadline = Date.now() + term;
  for (;;) {
    const answer = await ask();
    if (answer === true) return;
    if (Date.now() > deadline) assert.fail(`waited ${term / 1000} s until ${what}${answer ? `: ${answer}` : ""}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}
