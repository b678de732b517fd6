// npm clients, unmodified but for their host, deliver hits; the reports must hold exactly these.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { cut, newInstalls, start, tasks } from "./collector.mjs";
import { load, nodeFolder, version } from "./packages.mjs";

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const installs = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`);
let collector;

before(async () => {
  collector = await start("serve", []);
});
after(async () => {
  assert.equal(await collector?.stop(), 0);
});

test(`universal-analytics ${version("universal-analytics")}`, async () => {
  const project = await collector.project("Universal analytics");
  const universal = load("universal-analytics");
  const sent = (visitor) => new Promise((done, failed) => visitor.send((error) => (error ? failed(error) : done())));
  const visit = (install, headers) =>
    universal(project.tracking_id, install, { hostname: collector.url, headers });

  const first = visit(installs[0], { "User-Agent": firefox });
  first.set("ul", "de");
  await sent(first.pageview({ dp: "/dashboard/", dt: "Übersicht & more" }));

  // 12 runs: one batch of 10, one of 2
  const second = visit(installs[1]);
  for (let run = 0; run < 12; run += 1) {
    second.event("memberaudit", "update_character", run < 2 ? "ValueError" : "Success", 30 + run);
  }
  await sent(second);

  const third = visit(installs[2]);
  third.set("av", "5.5.0");
  third.exception("DatabaseError", true);
  third.timing("sync", "pull", 123, "all");
  third.screenview("Home", "My App", "5.5.0", "com.example.app");
  third.transaction("T-1", 39.98, 3.5, 2.1, "shop").item(19.99, 2, "SKU-1", "Shoe");
  await sent(third);

  assert.deepEqual(await tasks(project), [
    ["memberaudit", "update_character", 12, 2, 1, "ValueError"],
    ["ua", "exception", 1, 1, 1, "DatabaseError"],
    ["ua", "item", 1, 0, 1, null],
    ["ua", "transaction", 1, 0, 1, null],
  ]);
  const [update] = await project.report("tasks", { filter: "task:update_character" });
  assert.ok(Math.abs(update.median_value - 35.5) <= 1, `median of 30..41 is ${update.median_value}`);
  assert.deepEqual(cut(await project.report("pages"), "path", "title", "views", "installs"), [
    ["/dashboard/", "Übersicht & more", 1, 1],
    ["Home", "", 1, 1],
  ]);
  const locales = cut(await project.report("locales"), "locale", "views", "installs");
  assert.ok(locales.some((row) => String(row) === "de,1,1"), JSON.stringify(locales));
  const browsers = cut(await project.report("browsers"), "browser", "views", "installs");
  assert.ok(browsers.some((row) => /^Firefox/.test(row[0]) && row[1] === 1), JSON.stringify(browsers));
  assert.equal(await newInstalls(project), 3);
  const versions = (await project.report("versions")).filter((row) => row.version === "5.5.0");
  assert.deepEqual(versions.map((row) => row.installs), [1]);
  const live = await project.report("live", { limit: "50" });
  assert.equal(live.length, 18, "one row per hit");
  assert.ok(live.every((row) => row.verdict === "accepted"), JSON.stringify(live));
});

test(`electron-google-analytics ${version("electron-google-analytics")}`, async () => {
  const project = await collector.project("Electron");
  const Analytics = load("electron-google-analytics").default;
  const analytics = new Analytics(project.tracking_id, { userAgent: firefox });
  analytics.globalBaseURL = collector.url;
  const [install] = installs;
  await analytics.pageview("http://example.com", "/a/b", "T & t", install);
  await analytics.event("structures", "update_all", { evLabel: "Success", evValue: 7, clientID: install });
  await analytics.event("structures", "update_all", { evLabel: "KeyError", evValue: 9, clientID: install });
  await analytics.screen("My App", "1.2.0", "com.example", "store", "Start", install);
  await analytics.exception("TimeoutError", 1, install);

  assert.deepEqual(await tasks(project), [
    ["structures", "update_all", 2, 1, 1, "KeyError"],
    ["ua", "exception", 1, 1, 1, "TimeoutError"],
  ]);
  const pages = cut(await project.report("pages"), "path", "views");
  assert.deepEqual(pages, [["/a/b", 1], ["Start", 1]], "a raw & in a title must not cost the page");
});

test(`electron-google-analytics4 ${version("electron-google-analytics4")}`, async () => {
  const project = await collector.project("Electron 4");
  const Analytics4 = load("electron-google-analytics4").default;
  const analytics = new Analytics4(project.measurement_id, project.api_secret);
  analytics.baseURL = `${collector.url}/mp`;
  const parameters = { namespace: "moons", task: "pull", result: "Success", value: 5 };
  analytics.setUserProperties({ app_version: { value: "4.9.0" } });
  assert.equal((await analytics.setParams(parameters).event("celery_event")).status, 204);
  assert.equal((await analytics.setParams({ result: "OSError" }).event("celery_event")).status, 204);
  assert.equal((await analytics.setParams({}).event("tutorial_begin")).status, 204);

  assert.deepEqual(await tasks(project), [
    ["ga4", "tutorial_begin", 1, 0, 1, null],
    ["moons", "pull", 2, 1, 1, "OSError"],
  ]);
  const versions = (await project.report("versions")).filter((row) => row.installs > 0);
  assert.deepEqual(cut(versions, "version", "installs"), [["4.9.0", 1]]);
});

test(`usage-stats ${version("usage-stats")}`, async () => {
  const project = await collector.project("Usage stats");
  const UsageStats = load("usage-stats");
  const dir = await mkdtemp(join(tmpdir(), "usage-stats-"));
  try {
    const stats = new UsageStats(project.tracking_id, {
      an: "tool", av: "2.0.1", lang: "fr", dir, url: `${collector.url}/batch`, debugUrl: `${collector.url}/debug/collect`,
    });
    const record = () => {
      stats.screenView("main");
      for (let run = 0; run < 21; run += 1) stats.event("cli", "parse", { el: "Success", ev: run });
      stats.exception({ exd: "SyntaxError", exf: true });
    };
    record();
    const answers = await stats.debug();
    const results = answers.flatMap((answer) => answer.result.hitParsingResult);
    assert.equal(results.length, 23, "one result a line");
    assert.ok(results.every((result) => result.valid), JSON.stringify(results.find((result) => !result.valid)));
    assert.deepEqual(await tasks(project), [], "the debug endpoint stores nothing");
    record();
    await stats.send(); // two requests: 20 and 3 hits
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  assert.deepEqual(await tasks(project), [
    ["cli", "parse", 21, 0, 1, null],
    ["ua", "exception", 1, 1, 1, "SyntaxError"],
  ]);
  assert.deepEqual(cut(await project.report("pages"), "path", "views"), [["main", 1]]);
});

test(`insight ${version("insight")}`, async () => {
  const project = await collector.project("Insight");
  const home = await mkdtemp(join(tmpdir(), "insight-"));
  const library = join(nodeFolder, "node_modules/insight/lib");
  // insight hangs up on its child at once; on a slow machine the child then starts too late to hear it
  const script = `
    import { fork } from "node:child_process";
    import Insight from ${JSON.stringify(join(library, "index.js"))};
    const insight = new Insight({ trackingCode: ${JSON.stringify(project.tracking_id)}, pkg: { name: "cli", version: "1.0.0" } });
    insight._fork = (payload) => fork(${JSON.stringify(join(library, "push.js"))}).send(payload);
    insight.track("command", "init");
    insight.trackEvent({ category: "generator", action: "run", label: "Success", value: 3 });
  `;
  // insight sends from a child process to a fixed host: the child's fetch is led to the collector
  const redirect = new URL("redirect.mjs", import.meta.url);
  try {
    const file = join(home, "use-insight.mjs");
    await writeFile(file, script);
    await promisify(execFile)(process.execPath, [file], {
      env: { ...process.env, XDG_CONFIG_HOME: home, HOME: home, NODE_OPTIONS: `--import=${redirect}`, HEADCOUNT_E2E_URL: collector.url },
    });
    assert.deepEqual(await tasks(project), [["generator", "run", 1, 0, 1, null]]);
    assert.deepEqual(cut(await project.report("pages"), "path", "views"), [["/command/init", 1]]);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
