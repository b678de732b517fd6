// The pages for people in a real Chromium, as manager, author and nobody: looks, access, and every way in and out.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { byLink, required, start } from "./collector.mjs";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const axe = load("axe-core").source;
const screenshots = required("HEADCOUNT_E2E_SCREENSHOTS");

const signInLink = /(http:\/\/127\.0\.0\.1:\d+\/login\/link\/\S+)/;
const ARGUMENTS = ["--disable-background-networking", "--disable-gpu", "--disable-sync", "--no-first-run", "--no-sandbox"];
const MOST_HTML_BYTES = 60_000;
const PASSWORD = "correct horse battery";

let collector;
let browser;
let manager;
let project;
let settings;

before(async () => {
  collector = await start("serve", ["--private-webhooks"], { ready: signInLink });
  browser = await chromium.launch({ executablePath: required("HEADCOUNT_E2E_CHROMIUM"), args: ARGUMENTS });
  project = await collector.project("Alliance Auth");
  settings = `/projects/${project.project}/settings`;
  manager = await byLink(browser, collector.printed().match(signInLink)[1]);
});

after(async () => {
  await browser?.close();
  await collector?.stop();
});

async function open(path, { session = manager, scheme = "light", width = 1280, script = true } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme, javaScriptEnabled: script, viewport: { width, height: 900 },
  });
  if (session) await context.addCookies(session);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  const answer = await page.goto(collector.url + path, { waitUntil: "load" });
  return { page, answer, complaints, close: () => context.close() };
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** A page in every form: no complaint, no violation, no sideways scroll, not too long. */
async function inEveryForm(name, path, session = manager, status = 200) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      for (const script of [true, false]) {
        const view = await open(path, { session, scheme, width, script });
        const label = `${name} ${scheme} ${width} ${script}`;
        assert.equal(view.answer.status(), status, label);
        // Chromium itself says of the page that its status is one of an error.
        const complaints = view.complaints.filter((text) => status < 400 || !/status of \d+/.test(text));
        assert.deepEqual(complaints, [], label);
        const [inner, scroll] = await view.page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
        assert.ok(scroll <= inner, `${label} scrolls sideways: ${scroll} > ${inner}`);
        assert.ok((await view.answer.body()).length <= MOST_HTML_BYTES, label);
        if (script) {
          await view.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`), fullPage: true });
          assert.deepEqual(await violations(view.page), [], label);
        }
        await view.close();
      }
    }
  }
}

/** Code of RFC 6238 for this moment and some steps on, by other means than the collector's. */
function codeOf(secret, steps = 0) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(" ", "")].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const moment = Buffer.alloc(8);
  moment.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(moment).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

test("a manager's pages in every form", async () => {
  const leaves = ["", "/setup", "/tokens", "/members", "/audit", "/project", "/webhook", "/breaks", "/raw", "/raw/30", "/close", "/keys/2/revoke"];
  for (const leaf of leaves) await inEveryForm(`settings${leaf.replaceAll("/", "-")}`, settings + leaf);
  await inEveryForm("account", "/account");
  await inEveryForm("factor", "/account/factor");
  await inEveryForm("first-run", `/projects/${project.project}`);
  await inEveryForm("views", `/projects/${project.project}/views`);
});

test("without script a manager makes a key and a token, and what cannot be undone is asked for", async () => {
  const view = await open(settings, { script: false });
  const { page } = view;
  await page.getByLabel("Kind").selectOption("tracking_id");
  await page.getByLabel("ID that senders").fill("UA-4711-1");
  await page.getByRole("button", { name: "Make key" }).click();
  assert.match(await page.locator("main").innerText(), /UA-4711-1/);
  await page.getByRole("link", { name: /^Revoke Tracking ID/ }).last().click();
  assert.match(await page.locator("main").innerText(), /UA-4711-1 are refused/);
  await page.getByRole("button", { name: "Revoke key" }).click();
  assert.match(await page.getByRole("status").innerText(), /revoked/);
  await page.goto(`${collector.url}${settings}/tokens`);
  await page.getByLabel("Name").fill("nightly");
  await page.getByRole("button", { name: "Make token" }).click();
  const [token] = (await page.locator("main").innerText()).match(/hcr_\w+/);
  await page.screenshot({ path: join(screenshots, "token-fresh.png"), fullPage: true });
  const answer = await fetch(`${collector.url}/api/v1/projects/${project.project}/reports/totals`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 200);
  await view.close();
});

test("an author comes in by link, sees nothing of others, and asks for an app", async () => {
  const view = await open(`${settings}/members`, { script: false });
  await view.page.getByLabel("E-mail").fill("erik@memberaudit.example");
  await view.page.getByLabel("Role").selectOption("author");
  await view.page.getByLabel("Apps of an author").fill("memberaudit");
  await view.page.getByRole("button", { name: "Invite" }).click();
  const [link] = (await view.page.locator("main").innerText()).match(/http:\S+\/login\/link\/\w+/);
  const author = await byLink(browser, link);
  const apps = `/projects/${project.project}/apps`;
  await inEveryForm("apps", apps, author);
  const asking = await open(apps, { session: author, script: false });
  await asking.page.getByLabel("Name").fill("corptools");
  await asking.page.getByLabel("Where the token").fill("https://corptools.example/README.md");
  await asking.page.getByRole("button", { name: "Ask" }).click();
  assert.match(await asking.page.locator("main").innerText(), /headcount-app-\w+/);
  for (const leaf of ["live", "settings", "retention"]) {
    const answer = await asking.page.goto(`${collector.url}/projects/${project.project}/${leaf}`);
    assert.equal(answer.status(), 403, leaf);
  }
  await asking.close();
  await inEveryForm("members-asked", `${settings}/members`);
  await inEveryForm("error-forbidden", settings, author, 403);
  await inEveryForm("member", `${settings}/members/2`);
  await view.page.goto(`${collector.url}${settings}/members/2`);
  await view.page.getByRole("button", { name: /^Sign out .*signed in/ }).first().click();
  assert.match(await view.page.getByRole("status").innerText(), /session is over/);
  await view.page.goto(`${collector.url}${settings}/members`);
  await view.page.getByRole("button", { name: /^Grant corptools/ }).click();
  assert.match(await view.page.locator("main").innerText(), /corptools, memberaudit only/);
  await view.close();
});

test("a password and a second factor sign in, each code once", async () => {
  const view = await open("/account", { script: false });
  const { page } = view;
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Save password" }).click();
  await page.goto(`${collector.url}/account/factor`);
  const secret = (await page.locator("pre").first().innerText()).trim();
  const used = codeOf(secret);
  await page.getByRole("textbox", { name: "Code" }).fill(used);
  await page.getByRole("button", { name: "Switch on" }).click();
  const recovery = (await page.locator("pre").innerText()).trim().split("\n");
  assert.equal(recovery.length, 10);
  await page.screenshot({ path: join(screenshots, "factor-on.png"), fullPage: true });

  const other = await open("/login", { session: null, script: false });
  await other.page.getByLabel("E-mail").fill("manager@localhost");
  await other.page.getByLabel("Password").fill(PASSWORD);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.waitForURL(/\/login\/code/);
  await other.page.screenshot({ path: join(screenshots, "login-code.png"), fullPage: true });
  await other.page.getByRole("textbox", { name: "Code" }).fill(used);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  assert.match(await other.page.getByRole("alert").innerText(), /used before/);
  await other.page.getByRole("textbox", { name: "Code" }).fill(codeOf(secret, 1));
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.waitForURL(/\/projects\//);
  await other.close();
  await page.goto(`${collector.url}/account/factor`);
  await page.getByRole("textbox", { name: "Code" }).fill(recovery[0]);
  await page.getByRole("button", { name: "Switch off" }).click();
  assert.match(await page.getByRole("status").innerText(), /factor is off/);
  await view.close();
});

test("a webhook is set, tried on a real receiver, and removed, without script", async () => {
  const posts = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => {
      posts.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const view = await open(`${settings}/webhook`, { script: false });
  const { page } = view;
  await page.getByLabel("Address").fill(`http://127.0.0.1:${receiver.address().port}/hook`);
  await page.getByRole("button", { name: "Set webhook" }).click();
  const [secret] = (await page.locator("main").innerText()).match(/whsec_\S+/);
  await page.screenshot({ path: join(screenshots, "webhook-fresh.png"), fullPage: true });
  await page.getByRole("button", { name: "Send a test" }).click();
  assert.match(await page.locator("table").innerText(), /Test\s.*taken\s+204/s);
  const [{ headers, body }] = posts;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const wanted = createHmac("sha256", key).update(signed).digest("base64");
  assert.equal(headers["webhook-signature"], `v1,${wanted}`);
  assert.equal(JSON.parse(body).type, "test");
  await inEveryForm("webhook-set", `${settings}/webhook`);
  await inEveryForm("webhook-remove", `${settings}/webhook/remove`);
  await page.getByRole("link", { name: "Remove webhook" }).click();
  await page.getByRole("button", { name: "Remove webhook" }).click();
  assert.match(await page.getByRole("status").innerText(), /removed/);
  await view.close();
  receiver.close();
});

test("a break is noted and taken back, and raw events are kept as long as one says", async () => {
  const view = await open(`${settings}/breaks`, { script: false });
  const { page } = view;
  await page.locator("input[name=from]").fill("2026-08-01");
  await page.getByLabel("What happened").fill("the collector was moved");
  await page.getByRole("button", { name: "Note break" }).click();
  await inEveryForm("breaks-noted", `${settings}/breaks`);
  await page.getByRole("link", { name: /^Take back/ }).click();
  await page.getByRole("button", { name: "Take back" }).click();
  assert.match(await page.locator("main").innerText(), /taken back[^]*None is noted/);
  await page.goto(`${collector.url}${settings}/raw`);
  await page.getByLabel("Keep them").selectOption("own");
  await page.locator("input[name=days]").fill("90");
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await page.getByRole("status").innerText(), /how long/);
  await page.goto(`${collector.url}${settings}/audit`);
  assert.match(await page.locator("main").innerText(), /project.retention[^]*break.remove[^]*break.add/);
  await view.close();
});

test("errors keep the way back for who is signed in, and tell strangers nothing", async () => {
  await inEveryForm("error-in-project", `/projects/${project.project}/nowhere`, manager, 404);
  await inEveryForm("error-outside", "/nowhere", manager, 404);
  await inEveryForm("error-stranger", "/nowhere", null, 404);
  await inEveryForm("error-method", `/projects/${project.project}/settings/keys`, manager, 405);
  const view = await open(`/projects/${project.project}/nowhere`, { script: false });
  await view.page.getByRole("link", { name: "Go to Alliance Auth" }).click();
  assert.equal(new URL(view.page.url()).pathname, `/projects/${project.project}`);
  await view.close();
});

test("the first hit turns the waiting page into the overview, without script", async () => {
  const view = await open(`/projects/${project.project}`, { script: false });
  assert.match(await view.page.locator("h1").innerText(), /Waiting/);
  const body = "v=1&t=pageview&cid=00000000-0000-4000-8000-000000000001&dp=%2Fdashboard%2F&dt=Dashboard&av=5.5.0";
  await fetch(`${collector.url}/collect`, { method: "POST", body: `${body}&tid=${project.tracking_id}` });
  await view.page.waitForFunction(() => document.querySelector("h1")?.textContent === "Overview", null, { timeout: 20_000 })
    .catch(async () => assert.equal(await view.page.locator("h1").innerText(), "Overview"));
  await view.page.getByText("Views", { exact: true }).first().click();
  await view.page.getByLabel("Save this view as").fill("First");
  await view.page.getByRole("button", { name: "Save view" }).click();
  await view.page.goto(`${collector.url}/projects/${project.project}/views`);
  assert.match(await view.page.locator("main").innerText(), /First/);
  await view.page.getByRole("link", { name: "Remove First" }).click();
  assert.match(await view.page.locator("main").innerText(), /“First” goes from your menu/);
  await inEveryForm("views-remove", new URL(view.page.url()).pathname);
  await view.page.getByRole("link", { name: "Cancel" }).click();
  await view.page.getByRole("link", { name: "Remove First" }).click();
  await view.page.getByRole("button", { name: "Remove view" }).click();
  assert.doesNotMatch(await view.page.locator("main").innerText(), /First/);
  await view.close();
});

test("a manager shares a view by link; who has it and its password reads it, until it is revoked, without script", async () => {
  const view = await open(`/projects/${project.project}?range=30d&filter=version:5.5.0`, { script: false });
  await view.page.getByText("Views", { exact: true }).first().click();
  await view.page.getByRole("link", { name: "Share this view by link" }).click();
  assert.match(await view.page.locator("main").innerText(), /Version 5\.5\.0/);
  await inEveryForm("settings-shares", `${settings}/shares?range=30d&filter=version:5.5.0`);
  await view.page.getByRole("textbox", { name: /^Name/ }).fill("partners");
  await view.page.getByLabel("Password").fill("short");
  await view.page.getByRole("button", { name: "Make link" }).click();
  assert.match(await view.page.getByRole("alert").innerText(), /at least 10 characters/);
  await view.page.getByLabel("Password").fill(PASSWORD);
  await view.page.getByLabel("Tasks").uncheck();
  await view.page.getByRole("button", { name: "Make link" }).click();
  const link = new URL((await view.page.locator("main pre").innerText()).trim());
  await view.page.screenshot({ path: join(screenshots, "share-fresh.png"), fullPage: true });

  await inEveryForm("share-password", link.pathname, null);
  const reader = await open(link.pathname, { session: null, script: false });
  await reader.page.getByLabel("Password").fill("wrong password");
  await reader.page.getByRole("button", { name: "Open" }).click();
  assert.match(await reader.page.getByRole("alert").innerText(), /not the password/);
  await reader.page.getByLabel("Password").fill(PASSWORD);
  await reader.page.getByRole("button", { name: "Open" }).click();
  assert.equal(await reader.page.locator("h1").innerText(), "Alliance Auth");
  const told = await reader.page.locator("main").innerText();
  assert.match(told, /Last 30 days/);
  assert.doesNotMatch(told, /Tasks|manager@/);
  const unlocked = await reader.page.context().cookies();
  await inEveryForm("share", link.pathname, unlocked);
  await inEveryForm("share-table", `${link.pathname}?show=versions`, unlocked);
  const links = await reader.page.locator("main a").evaluateAll((all) => all.map((a) => a.href));
  assert.ok(links.length > 10 && links.every((href) => new URL(href).pathname.startsWith(link.pathname)), String(links));
  const file = await reader.page.request.get(`${link.href}/versions.csv`);
  assert.match(await file.text(), /^day,version,installs\r\n/);
  await reader.close();

  await view.page.goto(`${collector.url}${settings}/shares`);
  assert.match(await view.page.locator("main").innerText(), /partners password[\s\S]*by manager@localhost/);
  await view.page.getByRole("link", { name: "Revoke partners" }).click();
  await view.page.getByRole("button", { name: "Revoke link" }).click();
  assert.match(await view.page.getByRole("status").innerText(), /revoked/);
  const over = await open(link.pathname, { session: unlocked, script: false });
  assert.equal(over.answer.status(), 404);
  await over.close();
  await view.close();
});
