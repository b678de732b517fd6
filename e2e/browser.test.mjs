// A real Chromium on the demo's pages: no error, no CSP report, no axe-core violation, no sideways scroll.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { required, start } from "./collector.mjs";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const axe = load("axe-core").source;
const screenshots = required("HEADCOUNT_E2E_SCREENSHOTS");

const signInLink = /(http:\/\/127\.0\.0\.1:\d+\/login\/link\/\S+)/;
const MOST_HTML_BYTES = 60_000;
const DEMO_SECONDS = 180; // ten times what it takes on a free machine
const FLEET = ["--installs", "600", "--days", "400"];
const SCHEMES = ["light", "dark"];
const WIDTHS = [1280, 390];
const ARGUMENTS = [
  "--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-quic",
  "--disable-sync", "--no-first-run", "--no-sandbox",
];

let demo;
let empty;
let browser;
let cookies;
let emptyCookies;

before(async () => {
  demo = await start("demo", FLEET, { ready: /loaded \d+ events/, seconds: DEMO_SECONDS });
  empty = await start("serve", [], { ready: signInLink });
  browser = await chromium.launch({ executablePath: required("HEADCOUNT_E2E_CHROMIUM"), args: ARGUMENTS });
  cookies = await signIn(demo);
  emptyCookies = await signIn(empty); // a link works once
});

after(async () => {
  await browser?.close();
  await empty?.stop();
  await demo?.stop();
});

/** Opens the printed one-time link and keeps the session's cookies. */
async function signIn(collector) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(collector.printed().match(signInLink)[1]);
  await page.locator("main form button").click();
  const kept = await context.cookies();
  await context.close();
  assert.ok(kept.length > 0, "the link signs in");
  assert.ok(kept.every((cookie) => cookie.httpOnly && cookie.sameSite !== "None"), JSON.stringify(kept));
  return kept;
}

/** Opens a page and returns what a visitor cannot see: errors, reports, requests, size. */
async function visit(path, options = {}) {
  const { scheme = "light", width = 1280, script = true, session = cookies, base = demo.url, status = 200 } = options;
  const context = await browser.newContext({
    colorScheme: scheme, javaScriptEnabled: script, viewport: { width, height: 900 },
  });
  if (session) await context.addCookies(session);
  const page = await context.newPage();
  const complaints = [];
  const requests = [];
  page.on("console", (message) => {
    const expected = status >= 400 && message.text().includes(`status of ${status}`);
    if (["error", "warning"].includes(message.type()) && !expected) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(`${request.resourceType()} ${request.url()}`));
  if (script) {
    await page.addInitScript(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
  }
  const answer = await page.goto(base + path, { waitUntil: "load" });
  const html = await answer.body();
  if (script) complaints.push(...(await page.evaluate(() => window.violations)));
  return { page, answer, status: answer.status(), html, complaints, requests, close: () => context.close() };
}

/** What must hold for every page in every form. */
async function check(path, options = {}) {
  const view = await visit(path, options);
  const label = `${path} ${JSON.stringify({ ...options, session: undefined, base: undefined })}`;
  assert.equal(view.status, options.status ?? 200, label);
  assert.deepEqual(view.complaints, [], label);
  const policy = view.answer.headers()["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'/, label);
  assert.doesNotMatch(policy, /unsafe/, label);
  const [inner, scroll] = await view.page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  assert.ok(scroll <= inner, `${label} scrolls sideways: ${scroll} > ${inner}`);
  assert.ok(view.html.length <= MOST_HTML_BYTES, `${label} has ${view.html.length} bytes of HTML`);
  const extra = view.requests.filter((request) => !/^(document|stylesheet|script) /.test(request));
  assert.ok(extra.length <= 1, `${label} asks for ${extra.join(", ")}`);
  assert.ok(view.requests.length - extra.length <= 3, `${label}: ${view.requests.join(", ")}`);
  return view;
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** The demo's project, found as a visitor finds it. */
async function projectPath() {
  const view = await visit("/");
  const url = new URL(view.page.url());
  const links = await view.page.locator("a[href^='/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  await view.close();
  const overview = [url.pathname, ...links].find((path) => /^\/projects\/[^/]+/.test(path));
  assert.ok(overview, `no project among ${[url.pathname, ...links].join(" ")}`);
  return overview.match(/^\/projects\/[^/?]+/)[0];
}

const LEAVES = [["overview", ""], ["tasks", "/tasks"], ["retention", "/retention"], ["live", "/live"], ["findings", "/findings"], ["full", "?show=tasks"]];
for (const [name, leaf] of LEAVES) {
  test(`${name} in every form`, async () => {
    const path = (await projectPath()) + leaf;
    for (const scheme of SCHEMES) {
      for (const width of WIDTHS) {
        for (const script of [true, false]) {
          const view = await check(path, { scheme, width, script });
          const file = `${name}-${width}-${scheme}${script ? "" : "-noscript"}.png`;
          await view.page.screenshot({ path: join(screenshots, file), fullPage: true });
          if (script) assert.deepEqual(await violations(view.page), [], `${name} ${width} ${scheme}`);
          await view.close();
        }
      }
    }
  });
}

test("a manager opens the public page, and everybody sees it in every form", async () => {
  const project = await projectPath();
  const open = `/public/${project.split("/").pop()}`;
  const closed = await check(open, { session: null, status: 404 });
  await closed.close();
  const settings = await visit(`${project}/settings/public`, { script: false });
  await settings.page.getByRole("button", { name: "Switch on" }).click();
  assert.match(await settings.page.getByRole("status").innerText(), /is on/);
  await settings.close();
  for (const [name, path, session] of [["public", open, null], ["settings-public", `${project}/settings/public`, cookies]]) {
    for (const scheme of SCHEMES) {
      for (const width of WIDTHS) {
        for (const script of [true, false]) {
          const view = await check(path, { scheme, width, script, session });
          if (script) {
            await view.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`), fullPage: true });
            assert.deepEqual(await violations(view.page), [], `${name} ${width} ${scheme}`);
          }
          await view.close();
        }
      }
    }
  }
  const page = await check(open, { session: null });
  assert.match(await page.page.locator("h1").innerText(), /^[\d,]+ installs of .+ reported/);
  const numbers = (await page.page.locator("figure table td").allTextContents()).map((text) => Number(text.replaceAll(",", "")));
  assert.ok(numbers.length > 20 && numbers.every((number) => number >= 10 && number % 10 === 0), String(numbers));
  await page.close();
  const badge = await fetch(`${demo.url}/badge/${open.split("/").pop()}/installs.svg`);
  assert.match(await badge.text(), /<title>installs: [\d,]+ active/);
});

test("charts read out with the keyboard", async () => {
  const view = await visit(await projectPath());
  const figure = view.page.locator("figure:has(.ch[data-hover]):has(output.read)").first();
  const chart = figure.locator(".ch[data-hover] > svg");
  const read = figure.locator("output.read");
  await chart.focus();
  await view.page.keyboard.press("End");
  const last = await read.textContent();
  await view.page.keyboard.press("ArrowLeft");
  const before = await read.textContent();
  await view.page.keyboard.press("Home");
  const first = await read.textContent();
  assert.ok(last && before && first, "each key reads out a point");
  assert.equal(new Set([last, before, first]).size, 3, `${last} / ${before} / ${first}`);
  await view.page.screenshot({ path: join(screenshots, "overview-readout.png") });
  await view.page.keyboard.press("Escape");
  assert.equal(((await read.textContent()) ?? "").trim(), "", "Escape clears the read-out");
  assert.deepEqual(view.complaints, []);
  await view.close();
});

test("ranges and filters are links that work without script", async () => {
  const path = await projectPath();
  const view = await visit(path, { script: false });
  const hrefs = await view.page.locator("main a[href*='?']").evaluateAll((all) => all.map((a) => a.href));
  assert.ok(hrefs.length >= 4, `only ${hrefs.length} links with a query`);
  await view.close();
  for (const href of [...new Set(hrefs)].slice(0, 12)) {
    const next = await visit(href.slice(demo.url.length), { script: false });
    assert.equal(next.status, 200, href);
    assert.deepEqual(next.complaints, [], href);
    await next.close();
  }
});

test("pages around it: sign-in, errors, empty collector", async () => {
  const project = await projectPath();
  const login = async (options) => {
    const view = await visit(project, { ...options, session: null });
    const path = new URL(view.page.url()).pathname;
    await view.close();
    return path;
  };
  const signInPath = await login({});
  assert.notEqual(signInPath, project, "without a session a visitor is asked to sign in");
  const around = [
    ["login", signInPath, { session: null }],
    ["not-found", "/no/such/page", { status: 404 }],
    ["projects", "/?all", {}],
    ["empty", "/?all", { base: empty.url, session: emptyCookies }],
  ];
  for (const [name, path, options] of around) {
    for (const scheme of SCHEMES) {
      for (const width of WIDTHS) {
        const view = await check(path, { ...options, scheme, width });
        await view.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`), fullPage: true });
        assert.deepEqual(await violations(view.page), [], `${name} ${width} ${scheme}`);
        await view.close();
      }
    }
  }
});

test("a project without a hit says what to do", async () => {
  const project = await empty.project("Nothing yet");
  const view = await check(`/projects/${project.project}`, { base: empty.url, session: emptyCookies });
  await view.page.screenshot({ path: join(screenshots, "empty-project.png"), fullPage: true });
  assert.deepEqual(await violations(view.page), []);
  await view.close();
});

test("a wrong password is refused in words", async () => {
  const view = await visit(await projectPath(), { session: null });
  await view.page.locator("input[type=email], input[name=email]").first().fill("nobody@example.org");
  await view.page.locator("input[type=password]").first().fill("wrong password");
  await view.page.locator("main form button").first().click();
  await view.page.waitForLoadState();
  assert.match(await view.page.locator("main").innerText(), /password/i);
  assert.equal((await view.page.context().cookies()).length <= 1, true);
  await view.close();
});
