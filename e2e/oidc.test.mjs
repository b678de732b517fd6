// Signing in through an OpenID provider in a real Chromium: a binary built with the feature, and the testkit's
// provider as a process of its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { required, start } from "./collector.mjs";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const axe = load("axe-core").source;
const screenshots = required("HEADCOUNT_E2E_SCREENSHOTS");
const ARGUMENTS = ["--disable-background-networking", "--disable-gpu", "--no-first-run", "--no-sandbox"];

let browser;
/** A collector whose rule lets in everybody at corp.example, and one that knows the provider only. */
const places = {};

/** A provider at which one address is signed in; it ends with us. */
async function provider(email) {
  const child = spawn(required("HEADCOUNT_E2E_PROVIDER"), [email], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the provider ended with ${code}`)));
  });
  return { ...JSON.parse(line), stop: () => child.stdin.end() };
}

async function place(email, ...more) {
  const at = await provider(email);
  const flags = ["--oidc-issuer", at.issuer, "--oidc-client-id", at.id, "--oidc-client-secret", at.secret, "--oidc-name", "Example SSO"];
  const collector = await start("serve", [...flags, ...more]);
  const project = await collector.project("One");
  return { collector, project: project.project, provider: at };
}

before(async () => {
  browser = await chromium.launch({ executablePath: required("HEADCOUNT_E2E_CHROMIUM"), args: ARGUMENTS });
  places.open = await place("ines@corp.example", "--oidc-admit", "corp.example=one");
  places.closed = await place("eve@a.example");
});

after(async () => {
  await browser?.close();
  for (const { collector, provider } of Object.values(places)) {
    await collector.stop();
    provider.stop();
  }
});

async function open(address, { scheme = "light", width = 1280, script = true } = {}) {
  const context = await browser.newContext({ colorScheme: scheme, javaScriptEnabled: script, viewport: { width, height: 900 } });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const answer = await page.goto(address, { waitUntil: "load" });
  return { page, answer, complaints, close: () => context.close() };
}

async function isSound(view, label) {
  const [inner, scroll] = await view.page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  assert.ok(scroll <= inner, `${label} scrolls sideways`);
  await view.page.evaluate(axe);
  const found = await view.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`), [], label);
}

const way = (view) => view.page.getByRole("link", { name: "Sign in with Example SSO" });

test("the sign-in page offers the provider in every form", async () => {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const view = await open(`${places.open.collector.url}/login`, { scheme, width });
      assert.equal(await way(view).count(), 1);
      await isSound(view, `${scheme} ${width}`);
      assert.deepEqual(view.complaints, []);
      await view.page.screenshot({ path: join(screenshots, `oidc-login-${width}-${scheme}.png`), fullPage: true });
      await view.close();
    }
  }
});

for (const script of [true, false]) {
  test(`somebody at the rule's domain comes to the page that was asked for, ${script ? "with" : "without"} script`, async () => {
    const { collector, project } = places.open;
    const view = await open(`${collector.url}/projects/${project}/live`, { script });
    assert.equal(new URL(view.page.url()).pathname, "/login");
    await way(view).click();
    await view.page.waitForURL(`${collector.url}/projects/${project}/live`);
    assert.deepEqual(view.complaints, []);
    const settings = await view.page.goto(`${collector.url}/projects/${project}/settings`);
    assert.equal(settings.status(), 403, "a viewer");
    await view.page.goto(`${collector.url}/account`);
    assert.equal(await view.page.getByLabel("E-mail").inputValue(), "ines@corp.example");
    assert.match(await view.page.locator("main").innerText(), /a new sign-in link each time, or Example SSO\./);
    const session = (await view.page.context().cookies()).find(({ name }) => name === "headcount");
    assert.ok(session.httpOnly && session.sameSite === "Lax", JSON.stringify(session));
    await view.close();
  });
}

test("whom nobody let in is told so, and is not signed in", async () => {
  const { collector } = places.closed;
  const view = await open(`${collector.url}/login`);
  await way(view).click();
  await view.page.waitForURL(/\/login\/oidc\/callback/);
  assert.match(await view.page.locator("main").innerText(), /eve@a\.example is not let in here/);
  await isSound(view, "refused");
  await view.page.screenshot({ path: join(screenshots, "oidc-refused.png"), fullPage: true });
  await view.page.goto(`${collector.url}/account`);
  assert.equal(new URL(view.page.url()).pathname, "/login");
  await view.close();
});

test("coming back without having begun, or by a way that was used, signs nobody in", async () => {
  const { collector } = places.open;
  const view = await open(`${collector.url}/login`);
  const callbacks = [];
  view.page.on("request", (request) => request.url().includes("/callback?") && callbacks.push(request.url()));
  await way(view).click();
  await view.page.waitForURL(/\/projects\//);
  await view.close();
  assert.equal(callbacks.length, 1);
  for (const address of [callbacks[0], `${collector.url}/login/oidc/callback?error=access_denied&state=x`]) {
    const again = await open(address);
    assert.ok(again.answer.status() >= 400, `${again.answer.status()}`);
    assert.equal((await again.page.context().cookies()).some(({ name }) => name === "headcount"), false);
    await isSound(again, address);
    await again.close();
  }
});
