// The operator's pages in the Django admin of a real project, in a real Chromium: no error, no axe-core violation.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { required, start } from "./collector.mjs";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const axe = load("axe-core").source;
const screenshots = required("HEADCOUNT_E2E_SCREENSHOTS");
const python = required("HEADCOUNT_E2E_DJANGO");
const TOKENS = "/admin/analytics/analyticstokens/";
const ARGUMENTS = ["--disable-background-networking", "--disable-gpu", "--no-first-run", "--no-sandbox"];
const SETTINGS = `
INSTALLED_APPS += ["headcount.django"]
MIDDLEWARE += ["headcount.django.middleware.AnalyticsMiddleware"]
HEADCOUNT_APP = "shopfloor"
HEADCOUNT_APP_VERSION = "1.4.2"
ANALYTICS_ENABLE_DEBUG = True
`;

let collector;
let project;
let folder;
let server;
let url;
let browser;
let cookies;

/** Runs a line of `manage.py`. */
function manage(...words) {
  const env = { ...process.env, DJANGO_SUPERUSER_PASSWORD: "operator" };
  return execFileSync(python, ["manage.py", ...words], { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A port that nobody listens on. */
async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts the development server and waits until it answers. */
async function serve() {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = spawn(python, ["manage.py", "runserver", "--noreload", `127.0.0.1:${port}`], { cwd: folder, stdio: "ignore" });
  for (let tries = 0; tries < 300; tries += 1) {
    try {
      await fetch(`${url}/admin/login/`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error("the development server does not answer");
}

before(async () => {
  collector = await start("serve", []);
  project = await collector.project("Shop");
  folder = await mkdtemp(join(tmpdir(), "headcount-django-"));
  execFileSync(python, ["-m", "django", "startproject", "mysite", folder]);
  await appendFile(join(folder, "mysite", "settings.py"), SETTINGS);
  manage("migrate", "--verbosity", "0");
  manage("createsuperuser", "--noinput", "--username", "operator", "--email", "operator@example.org");
  manage("headcount", "add-token", "--name", "Shop team", "--endpoint", collector.url, "--token", project.ingest_key);
  const nobody = ["--endpoint", "http://127.0.0.1:9", "--type", "GA-V4", "--token", "G-1", "--secret", "never-shown"];
  manage("headcount", "add-token", "--name", "Nobody listens", ...nobody);
  await serve();
  browser = await chromium.launch({ executablePath: required("HEADCOUNT_E2E_CHROMIUM"), args: ARGUMENTS });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/admin/`);
  await page.locator("input[name=username]").fill("operator");
  await page.locator("input[name=password]").fill("operator");
  await page.locator("input[type=submit]").click();
  await page.goto(`${url}${TOKENS}`);
  cookies = await context.cookies();
  await context.close();
});

after(async () => {
  await browser?.close();
  server?.kill("SIGTERM");
  await collector?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function open(path, { scheme = "light", width = 1280, script = true } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme, javaScriptEnabled: script, viewport: { width, height: 900 },
  });
  await context.addCookies(cookies);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("response", (answer) => answer.status() >= 400 && complaints.push(`${answer.status()} ${answer.url()}`));
  const answer = await page.goto(url + path, { waitUntil: "load" });
  return { page, answer, complaints, close: () => context.close() };
}

/** Rules that a page breaks, each with the elements that break it; the way back up is Django's on every page. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run({ exclude: [".breadcrumbs"] }, { resultTypes: ["violations"] }));
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}

/** A page in both schemes and widths. */
async function inEveryForm(name, path) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const label = `${name} ${scheme} ${width}`;
      const view = await open(path, { scheme, width });
      assert.equal(view.answer.status(), 200, label);
      await view.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`), fullPage: true });
      const scroll = await view.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scroll <= width, `${label} scrolls sideways: ${scroll}`);
      assert.deepEqual(await violations(view.page), [], label);
      assert.deepEqual(view.complaints, [], label);
      await view.close();
    }
  }
}

test("every page in every form", async () => {
  await inEveryForm("django-tokens", TOKENS);
  await inEveryForm("django-add", `${TOKENS}add/`);
  await inEveryForm("django-token", `${TOKENS}1/change/`);
  await inEveryForm("django-token-failing", `${TOKENS}2/change/`);
  await inEveryForm("django-identifier", "/admin/analytics/analyticsidentifier/1/change/");
});

test("the page shows what left, word for word, and no secret", async () => {
  assert.throws(() => manage("headcount", "flush"), /still wait/, "the second token has nobody");
  const entry = JSON.parse(manage("headcount", "ledger", "--json")).entries.filter((one) => one.token === 1).at(-1);
  const view = await open(`${TOKENS}1/change/`, { script: false });
  const shown = await view.page.locator(".headcount details pre").first().textContent();
  assert.ok(shown.includes(entry.body), `${entry.body}\n\n${shown}`);
  await view.close();
  const other = await open(`${TOKENS}2/change/`, { script: false });
  assert.ok(!(await other.page.content()).includes("never-shown"));
  await other.close();
  const pages = await project.report("pages");
  assert.ok(pages.some((row) => row.path === "/admin/login/"), JSON.stringify(pages));
});

test("one click stops and another starts again, without script", async () => {
  const view = await open(`${TOKENS}1/change/`, { script: false });
  await view.page.locator(".headcount input[value='Stop everything']").click();
  assert.match(await view.page.locator(".headcount").innerText(), /Everything is stopped/);
  assert.equal(JSON.parse(manage("headcount", "doctor", "--json")).stopped_by, "off");
  await inEveryForm("django-stopped", `${TOKENS}1/change/`);
  await view.page.locator(".headcount input[value='Allow sending again']").click();
  assert.equal(JSON.parse(manage("headcount", "doctor", "--json")).sending, true);
  assert.deepEqual(view.complaints, []);
  await view.close();
});
