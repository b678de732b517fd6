// Every page that the router has, in a real Chromium: as manager, viewer, author and nobody, on the demo and on an
// empty collector. The list of pages, and who may see each, is the table that the collector's own tests hold the
// router to, so that a new page is walked without a line here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { byLink, required, start } from "./collector.mjs";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const axe = load("axe-core").source;
const screenshots = required("HEADCOUNT_E2E_SCREENSHOTS");

const TABLE = new URL("../crates/headcount-collector/src/web/tests/access.rs", import.meta.url);
const FLEET = ["--installs", "300", "--days", "200"];
const DEMO_SECONDS = 180;
const MOST_HTML_BYTES = 60_000;
const ARGUMENTS = ["--disable-background-networking", "--disable-gpu", "--disable-sync", "--no-first-run", "--no-sandbox"];
const signInLink = /(http:\/\/127\.0\.0\.1:\d+\/login\/link\/\S+)/;

const ROLES = ["manager", "viewer", "author", "nobody"];
const SIGNED_IN = ["manager", "viewer", "author"];
/** Who gets into the pages of a kind of the table. */
const FOR = {
  Everybody: ROLES, SignedIn: SIGNED_IN, Members: SIGNED_IN, Authors: ["author"],
  Readers: ["manager", "viewer"], Managers: ["manager"],
};
/** Answers that are no pages: files, feeds, the API. */
const DATA = /\{(file|data|badge|report)\}|\.atom$|\/export$/;
/** What a page answers that is there, but has nothing to show without more than its address. */
const SPENT = 410;

const EVERY_FORM = [false, true].flatMap((script) =>
  ["light", "dark"].flatMap((scheme) => [1280, 390].map((width) => ({ script, scheme, width }))));
/** The manager sees each page in every form, the others in the two that differ most. */
const FORMS = {
  manager: EVERY_FORM,
  viewer: [{ script: true, scheme: "light", width: 1280 }, { script: false, scheme: "dark", width: 390 }],
  author: [{ script: true, scheme: "dark", width: 390 }, { script: false, scheme: "light", width: 1280 }],
  nobody: [{ script: true, scheme: "dark", width: 390 }, { script: true, scheme: "light", width: 1280 }],
};

let browser;
const places = {};

before(async () => {
  browser = await chromium.launch({ executablePath: required("HEADCOUNT_E2E_CHROMIUM"), args: ARGUMENTS });
  places.demo = await furnish(await start("demo", FLEET, { ready: /loaded \d+ events/, seconds: DEMO_SECONDS }));
  places.empty = await furnish(await start("serve", [], { ready: signInLink }));
});

after(async () => {
  await browser?.close();
  for (const place of Object.values(places)) await place.collector.stop();
});

/** Somebody of each role, and one thing of each kind that pages are about. */
async function furnish(collector) {
  const link = collector.printed().match(signInLink)[1];
  const manager = await byLink(browser, link);
  const context = await browser.newContext();
  await context.addCookies(manager);
  const page = await context.newPage();
  await page.goto(`${collector.url}/?all`);
  const found = await page.locator("main a[href^='/projects/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  const project = found.length
    ? found[0].match(/^\/projects\/([^/?]+)/)[1]
    : (await collector.project("Nothing yet")).project;
  const settings = `${collector.url}/projects/${project}/settings`;
  const sessions = { manager, nobody: [] };
  for (const role of ["viewer", "author"]) {
    await page.goto(`${settings}/members`);
    await page.getByLabel("E-mail").fill(`${role}@a.example`);
    await page.getByLabel("Role").selectOption(role);
    if (role === "author") await page.getByLabel("Apps of an author").fill("memberaudit");
    await page.getByRole("button", { name: "Invite" }).click();
    const [invitation] = (await page.locator("main").innerText()).match(/http:\S+\/login\/link\/\w+/);
    sessions[role] = await byLink(browser, invitation);
  }
  await page.goto(`${settings}/tokens`);
  await page.getByLabel("Name").fill("nightly");
  await page.getByRole("button", { name: "Make token" }).click();
  const share = async (password) => {
    await page.goto(`${settings}/shares?range=30d`);
    await page.getByRole("textbox", { name: /^Name/ }).fill("partners");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Make link" }).click();
    return (await page.locator("main pre").innerText()).trim().split("/").pop();
  };
  const secret = await share("");
  const locked = await share("correct horse battery");
  await page.goto(`${settings}/breaks`);
  await page.getByLabel("First day", { exact: true }).fill("2026-01-01");
  await page.getByLabel("What happened").fill("The collector was moved");
  await page.getByRole("button", { name: "Note break" }).click();
  if (!found.length) {
    // Where nothing comes in, nothing is found, and so nothing is posted anywhere.
    await page.goto(`${settings}/webhook`);
    await page.getByLabel("Address").fill("https://example.org/headcount");
    await page.getByRole("button", { name: "Set webhook" }).click();
  }
  const ids = {};
  for (const leaf of ["", "/tokens", "/members", "/shares", "/breaks"]) {
    await page.goto(settings + leaf);
    const links = await page.locator("main a[href*='/settings/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    for (const each of links) {
      const of = each.match(/\/settings\/(\w+)\/(\d+)/);
      if (of) ids[of[1]] ??= of[2];
    }
  }
  if (found.length) {
    await page.goto(`${settings}/public`);
    await page.getByRole("button", { name: "Switch on" }).click();
    await page.goto(`${collector.url}/projects/${project}?range=7d`);
    await page.getByText("Views", { exact: true }).first().click();
    await page.getByLabel("Save this view as").fill("Week");
    await page.getByRole("button", { name: "Save view" }).click();
  }
  await context.close();
  return { collector, project, sessions, secret, locked, ids, spent: link.split("/").pop(), published: found.length > 0 };
}

/** The pages of the table as addresses of a place, and who gets into each. */
function pagesOf(place) {
  const lines = [...readFileSync(TABLE, "utf8").matchAll(/\(\s*"GET",\s*"([^"]+)",\s*For::(\w+),?\s*\)/g)];
  assert.ok(lines.length > 30, "the table of pages is read");
  const pages = lines.filter(([, path]) => !DATA.test(path)).map(([, path, kind]) => {
    const address = path
      .replace(/\/settings\/(\w+)\/\{id\}/, (_, what) => `/settings/${what}/${place.ids[what]}`)
      .replace("/views/{id}", "/views/1") // of the manager's; who has no such view is led to the list
      .replace("{project}", place.project)
      .replace("{days}", "30")
      .replace("{secret}", place.secret)
      .replace("{token}", place.spent);
    assert.doesNotMatch(address, /\{|undefined/, `say above what fills ${path}`);
    assert.ok(FOR[kind], `say above who ${kind} is, for ${path}`);
    return { name: path, address, roles: FOR[kind] };
  });
  const project = `/projects/${place.project}`;
  const more = [
    ["locked link", `/share/${place.locked}`, ROLES],
    ["link, table", `/share/${place.secret}?show=apps`, ROLES],
    ["nothing there", "/no/such/page", []],
  ];
  if (place.published) {
    more.push(["overview, table", `${project}?show=versions`, SIGNED_IN]);
    more.push(["overview, a year", `${project}?range=12m&compare=off&metric=latest`, SIGNED_IN]);
    more.push(["task", `${project}/tasks?namespace=memberaudit&task=update_character`, SIGNED_IN]);
  }
  return [...pages, ...more.map(([name, address, roles]) => ({ name, address, roles }))];
}

/** The status of a page for a role, after redirects. */
function statusOf(page, role, place) {
  if (page.name === "nothing there") return 404;
  if (page.name === "/login/link/{token}") return SPENT;
  if (page.name.startsWith("/login/oidc")) return 404; // not in the binary unless built for it
  if (page.name === "/public/{project}" && !place.published) return 404;
  if (page.name.endsWith("/settings/public/off") && !place.published && role === "manager") return 404;
  if (page.name.endsWith("/webhook/remove") && place.published && role === "manager") return 404;
  if (page.roles.includes(role) || role === "nobody") return 200;
  return 403;
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** A browser of one role and form that gathers what a visitor cannot see. */
async function open(place, role, { script, scheme, width, media }) {
  const context = await browser.newContext({
    colorScheme: scheme, javaScriptEnabled: script, viewport: { width, height: 900 }, ...media,
  });
  await context.addCookies(place.sessions[role]);
  const page = await context.newPage();
  const seen = { complaints: [], requests: [], expected: 200 };
  page.on("console", (message) => {
    const expected = seen.expected >= 400 && message.text().includes(`status of ${seen.expected}`);
    if (["error", "warning"].includes(message.type()) && !expected) seen.complaints.push(message.text());
  });
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  page.on("request", (request) => seen.requests.push(`${request.resourceType()} ${request.url()}`));
  if (script) {
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`refused: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
  }
  return { page, seen, close: () => context.close() };
}

async function look(view, place, { name, address, roles }, role, label) {
  const { page, seen } = view;
  seen.complaints.length = 0;
  seen.requests.length = 0;
  seen.expected = statusOf({ name, roles }, role, place);
  const answer = await page.goto(place.collector.url + address, { waitUntil: "load" });
  assert.equal(answer.status(), seen.expected, label);
  if (role === "nobody" && !roles.includes(role) && seen.expected === 200) {
    assert.equal(new URL(page.url()).pathname, "/login", `${label} leads to the sign-in page`);
  }
  assert.deepEqual(seen.complaints, [], label);
  const policy = answer.headers()["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'/, label);
  assert.doesNotMatch(policy, /unsafe/, label);
  const [inner, scroll] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  assert.ok(scroll <= inner, `${label} scrolls sideways: ${scroll} > ${inner}`);
  const bytes = (await answer.body()).length;
  assert.ok(bytes <= MOST_HTML_BYTES, `${label} has ${bytes} bytes of HTML`);
  // Chromium may ask for an icon twice.
  const extra = new Set(seen.requests.filter((request) => !/^(document|stylesheet|script) /.test(request)));
  assert.ok(extra.size <= 1, `${label} asks for ${[...extra].join(", ")}`);
}

test("a demo that is loaded tells the same on the overview and on the page of findings", async () => {
  const { collector, project } = places.demo;
  const view = await open(places.demo, "manager", { script: false, scheme: "light", width: 1280 });
  const told = async (path) => {
    await view.page.goto(collector.url + path);
    return view.page.locator("section", { has: view.page.getByRole("heading", { name: "Worth a look" }) }).locator("li a").allInnerTexts();
  };
  // Hits come in meanwhile, so that what is told of rejected ones changes from one page to the next.
  const lasting = (texts) => texts.filter((text) => !/rejected/.test(text));
  const findings = lasting(await told(`/projects/${project}/findings`));
  assert.ok(findings.length > 0, "something is worth a look");
  for (const choice of ["", "?range=7d", "?filter=deployment:docker"]) {
    assert.deepEqual(lasting(await told(`/projects/${project}${choice}`)), findings, choice);
  }
  await view.close();
});

for (const where of ["demo", "empty"]) {
  for (const role of ROLES) {
    test(`${where}: every page as ${role}`, async () => {
      const place = places[where];
      for (const form of FORMS[role]) {
        const view = await open(place, role, form);
        for (const page of pagesOf(place)) {
          const label = `${where} ${role} ${page.name} ${JSON.stringify(form)}`;
          await look(view, place, page, role, label);
          // Once for each page and scheme, by the first who sees it: light and wide, dark and narrow.
          const whole = (form.scheme === "light") === (form.width === 1280);
          const first = page.roles[0] ?? "manager";
          if (form.script && whole && role === first) {
            assert.deepEqual(await violations(view.page), [], label);
            const file = `walk-${where}-${page.name.replaceAll(/\W+/g, "-")}-${form.width}-${form.scheme}.png`;
            await view.page.screenshot({ path: join(screenshots, file), fullPage: true });
          }
        }
        await view.close();
      }
    });
  }
}

test("nothing moves for those who asked for that", async () => {
  const place = places.demo;
  const view = await open(place, "manager", { script: true, scheme: "light", width: 1280, media: { reducedMotion: "reduce" } });
  for (const page of pagesOf(place).filter((page) => page.roles.includes("manager"))) {
    await look(view, place, page, "manager", `${page.name} without motion`);
    const moving = await view.page.evaluate(() => [...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
      return parseFloat(transitionDuration) > 0 || animationName !== "none" || scrollBehavior === "smooth";
    }).map((element) => element.outerHTML.slice(0, 80)));
    assert.deepEqual(moving, [], page.name);
  }
  await view.close();
});

test("pages on paper fit it, in black on white and without what only works on a screen", async () => {
  const place = places.demo;
  const view = await open(place, "manager", { script: true, scheme: "dark", width: 720 });
  await view.page.emulateMedia({ media: "print" });
  const printed = [/^\/projects\/\{project\}(\/tasks|\/retention)?$/, /^\/public/, /^\/share/];
  for (const page of pagesOf(place).filter((page) => printed.some((name) => name.test(page.name)))) {
    await look(view, place, page, "manager", `${page.name} on paper`);
    const found = await view.page.evaluate(() => {
      const luminance = (colour) => colour.match(/[\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
      const shown = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility()).length;
      return { ink: luminance(getComputedStyle(document.body).color), paper: luminance(getComputedStyle(document.body).backgroundColor), menus: shown("main details.menu") };
    });
    assert.ok(found.ink < 0.3 && found.paper > 0.9 && found.menus === 0, `${page.name}: ${JSON.stringify(found)}`);
    await view.page.screenshot({ path: join(screenshots, `print-${page.name.replaceAll(/\W+/g, "-")}.png`), fullPage: true });
  }
  await view.close();
});

/** A page of another site that frames the public page and shows its badge. */
async function otherSite(place) {
  const html = `<!doctype html><title>Docs</title><iframe src="${place.collector.url}/public/${place.project}"></iframe>
    <img alt="" src="${place.collector.url}/badge/${place.project}/installs.svg">`;
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(html));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

test("sites on the list frame the public page, others do not; badges show everywhere", async () => {
  const place = places.demo;
  const [listed, other] = [await otherSite(place), await otherSite(place)];
  const view = await open(place, "manager", { script: false, scheme: "light", width: 1280 });
  await view.page.goto(`${place.collector.url}/projects/${place.project}/settings/public`);
  await view.page.getByLabel("Sites that may embed the page").fill(listed.origin);
  await view.page.getByRole("button", { name: "Save" }).click();
  for (const site of [listed, other]) {
    const reader = await browser.newContext();
    const page = await reader.newPage();
    await page.goto(site.origin, { waitUntil: "load" });
    const framed = await page.frames()[1].locator("h1").innerText({ timeout: 3000 }).catch(() => "");
    assert.equal(/installs of .+ reported/.test(framed), site === listed, `${site.origin}: ${framed}`);
    assert.ok(await page.locator("img").evaluate((image) => image.complete && image.naturalWidth > 50), "the badge shows");
    await reader.close();
    site.stop();
  }
  await view.close();
  const file = await fetch(`${place.collector.url}/public/${place.project}/versions.csv`);
  assert.match(file.headers.get("content-disposition"), /-\d{4}-\d{2}-\d{2}-versions\.csv"$/);
  const text = await file.text();
  for (const line of [/, up to \d{4}-\d{2}-\d{2}\r\n/, /# licence: CC0-1\.0\r\n/, /# version \(text\): /, /\r\nweek_ending,version,installs\r\n/]) {
    assert.match(text, line);
  }
});
