// The operator's pages of a real agent in a real Chromium: no error, no axe-core violation, one click stops all.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { required, start } from "./collector.mjs";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const axe = load("axe-core").source;
const screenshots = required("HEADCOUNT_E2E_SCREENSHOTS");
const PAGES = "/admin/analytics/analyticstokens/";
const signInLink = /(http:\/\/127\.0\.0\.1:\d+\/admin\/analytics\/sign-in\/\?code=\w+)/;
const printedToken = /token (\w{32})/;
const ARGUMENTS = ["--disable-background-networking", "--disable-gpu", "--no-first-run", "--no-sandbox"];

let collector;
let agent;
let state;
let browser;
let cookies;

/** Runs `headcount client` on the agent's state folder. */
function client(...words) {
  const binary = required("HEADCOUNT_E2E_BINARY");
  return JSON.parse(execFileSync(binary, ["--json", "client", "--state", state, ...words], { encoding: "utf8" }));
}

before(async () => {
  collector = await start("serve", []);
  const project = await collector.project("Alliance Auth");
  state = await mkdtemp(join(tmpdir(), "headcount-operator-"));
  client("init", "--app", "allianceauth", "--app-version", "5.5.0", "--deployment", "docker");
  const to = ["--type", "headcount", "--endpoint", collector.url, "--token", project.ingest_key];
  client("token", "add", "--name", "Alliance Auth team", ...to, "--feeds", "stats,tasks");
  client("token", "add", "--name", "Nobody listens", "--type", "ga4", "--endpoint", "http://127.0.0.1:9", "--token", "G-1", "--secret", "never-shown");
  client("record", "stats", "--users", "128", "--tokens", "1904", "--app-installed", "memberaudit=3.1.0");
  for (const value of ["34", "55"]) {
    client("record", "task", "--namespace", "memberaudit", "--task", "update_character", "--result", "Success", "--value", value);
  }
  try {
    client("flush"); // fails for the second token, which has nobody
  } catch (error) {
    assert.match(String(error.stderr), /still wait/);
  }
  agent = await start("agent", ["--state", state, "--interval-seconds", "3600"], { ready: printedToken });
  browser = await chromium.launch({ executablePath: required("HEADCOUNT_E2E_CHROMIUM"), args: ARGUMENTS });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(agent.printed().match(signInLink)[1]);
  assert.equal(page.url(), agent.url + PAGES, "the link's code does not stay in the address");
  cookies = await context.cookies();
  assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict"), JSON.stringify(cookies));
  await context.close();
});

after(async () => {
  await browser?.close();
  await agent?.stop();
  await collector?.stop();
  if (state) await rm(state, { recursive: true, force: true });
});

async function open(path, { scheme = "light", width = 1280, script = true, session = cookies } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme, javaScriptEnabled: script, viewport: { width, height: 900 },
  });
  if (session) await context.addCookies(session);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const answer = await page.goto(agent.url + path, { waitUntil: "load" });
  return { page, answer, complaints, close: () => context.close() };
}

/** A page in both schemes and widths. */
async function inEveryForm(name, path, options = {}) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const label = `${name} ${scheme} ${width}`;
      const view = await open(path, { ...options, scheme, width });
      assert.equal(view.answer.status(), 200, label);
      assert.match(view.answer.headers()["content-security-policy"], /default-src 'none'/, label);
      const scroll = await view.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scroll <= width, `${label} scrolls sideways: ${scroll}`);
      await view.page.evaluate(axe);
      const found = await view.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
      assert.deepEqual(told, [], label);
      assert.deepEqual(view.complaints, [], label);
      await view.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`), fullPage: true });
      await view.close();
    }
  }
}

test("every page in every form", async () => {
  await inEveryForm("operator-tokens", PAGES);
  await inEveryForm("operator", `${PAGES}1/change/`);
  await inEveryForm("operator-add", `${PAGES}add/`);
  await inEveryForm("operator-delete", `${PAGES}1/delete/`);
  await inEveryForm("operator-forget", `${PAGES}forget/`);
  await inEveryForm("operator-ledger", `${PAGES}ledger/`);
  await inEveryForm("operator-sign-in", "/admin/analytics/sign-in/", { session: null });
});

test("pages on paper are black on white, without what only works on a screen", async () => {
  for (const [name, path] of [["tokens", PAGES], ["change", `${PAGES}1/change/`], ["ledger", `${PAGES}ledger/`]]) {
    const view = await open(path, { scheme: "dark", width: 720 });
    await view.page.emulateMedia({ media: "print" });
    const found = await view.page.evaluate(() => {
      const luminance = (colour) => colour.match(/[\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
      const { color, backgroundColor } = getComputedStyle(document.body);
      const shown = [...document.querySelectorAll("button, .btn, .skip")].filter((element) => element.checkVisibility());
      const cut = [...document.querySelectorAll("pre")].filter((element) => element.checkVisibility() && element.scrollHeight > element.clientHeight + 1);
      return { ink: luminance(color), paper: luminance(backgroundColor), shown: shown.length, cut: cut.length, scroll: document.documentElement.scrollWidth };
    });
    assert.ok(found.ink < 0.3 && found.paper > 0.9, `${name}: ${JSON.stringify(found)}`);
    assert.deepEqual([found.shown, found.cut, found.scroll <= 720], [0, 0, true], `${name}: ${JSON.stringify(found)}`);
    await view.page.screenshot({ path: join(screenshots, `print-operator-${name}.png`), fullPage: true });
    await view.close();
  }
});

test("the token that was printed signs in, without script", async () => {
  const view = await open(`${PAGES}forget/`, { session: null, script: false });
  assert.match(view.page.url(), /sign-in/);
  await view.page.locator("input[name=token]").fill(agent.printed().match(printedToken)[1]);
  await view.page.locator("main button").click();
  assert.equal(view.page.url(), `${agent.url}${PAGES}forget/`, "back to the page that was asked for");
  await view.close();
});

test("one click stops and another starts again, without script", async () => {
  const view = await open(`${PAGES}1/change/`, { script: false });
  await view.page.locator("button.kill").click();
  assert.match(await view.page.locator("main").innerText(), /Nothing is sent/);
  assert.equal(client("doctor").stopped_by, "off");
  assert.equal(client("status").waiting, 0, "what waited is deleted");
  await inEveryForm("operator-stopped", `${PAGES}1/change/`);
  await view.page.locator("button.kill").click();
  assert.match(await view.page.locator("main").innerText(), /Sending to Alliance Auth team/);
  assert.equal(client("doctor").sending, true);
  assert.deepEqual(view.complaints, []);
  await view.close();
});

test("the page shows what left, word for word", async () => {
  const [entry] = client("ledger").entries.filter((one) => one.token === 1);
  const view = await open(`${PAGES}1/change/`, { script: false });
  const shown = await view.page.locator(".hits pre").last().textContent();
  assert.ok(shown.includes(entry.body), `${entry.body}\n\n${shown}`);
  assert.ok(!(await view.page.content()).includes("never-shown"));
  await view.close();
});

test("a feed is switched off where it is shown", async () => {
  const view = await open(`${PAGES}1/change/`, { script: false });
  await view.page.getByRole("switch", { name: "Task events" }).uncheck();
  await view.page.getByRole("button", { name: "Save and continue editing" }).click();
  assert.match(await view.page.locator("[role=status]").innerText(), /Saved/);
  const [token] = client("token", "list").tokens;
  assert.deepEqual(token.feeds, { stats: true, tasks: false, pages: false });
  await view.close();
});

test("forgetting asks first, then makes a new id", async () => {
  const view = await open(`${PAGES}forget/`, { script: false });
  const before = client("init", "--app", "allianceauth", "--app-version", "5.5.0").install;
  await view.page.locator("main form button").click();
  assert.match(await view.page.locator("[role=status]").innerText(), /new random id/);
  assert.notEqual(client("init", "--app", "allianceauth", "--app-version", "5.5.0").install, before);
  await view.close();
});
