// PyPI clients, unmodified but for their host, deliver hits; the reports must hold exactly these.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { cut, newInstalls, start, tasks } from "./collector.mjs";
import { pythonFolder } from "./packages.mjs";

const script = fileURLToPath(new URL("python_clients.py", import.meta.url));
let collector;

before(async () => {
  collector = await start("serve", []);
});
after(async () => {
  assert.equal(await collector?.stop(), 0);
});

function send(client, project) {
  const { report, ...names } = project;
  const words = [script, client, collector.url, JSON.stringify(names)];
  return promisify(execFile)("python3", words, { env: { ...process.env, PYTHONPATH: pythonFolder } });
}

test("ga4mp for the web", async () => {
  const project = await collector.project("Gtag");
  await send("ga4mp_gtag", project);
  assert.deepEqual(await tasks(project), [["killtracker", "run", 33, 10, 1, "HTTPError"]]);
  const pages = cut(await project.report("pages"), "path", "title", "views", "installs");
  assert.deepEqual(pages, [["/mail/inbox", "Hällo & bye", 1, 1]]);
  const versions = (await project.report("versions")).filter((row) => row.installs > 0);
  assert.deepEqual(cut(versions, "version", "installs"), [["5.4.1", 1]]);
  const live = await project.report("live", { limit: "100" });
  assert.equal(live.length, 34, "the debug hit is not there");
  assert.equal(live.filter((row) => row.verdict === "noted").length, 2, "events as an object: counted and noted");
});

test("ga4mp for apps", async () => {
  const project = await collector.project("Firebase", "--measurement-id", "1:123456789012:android:abcdef0123456789");
  await send("ga4mp_firebase", project);
  assert.deepEqual(cut(await project.report("pages"), "path", "views", "installs"), [["Home", 1, 1]]);
});

test("google-measurement-protocol", async () => {
  const project = await collector.project("Measurement protocol");
  await send("google_measurement_protocol", project);
  assert.deepEqual(await tasks(project), [
    ["fleets", "close", 2, 1, 2, "LookupError"],
    ["ua", "item", 1, 0, 1, null],
    ["ua", "transaction", 1, 0, 1, null],
  ]);
  assert.deepEqual(cut(await project.report("pages"), "path", "title", "views"), [
    ["/käse/", "Käse", 1],
    ["/other/", "Other", 1],
  ]);
  const browsers = cut(await project.report("browsers"), "browser", "views", "installs");
  assert.ok(browsers.length === 1 && /^Firefox/.test(browsers[0][0]) && browsers[0][1] === 2, JSON.stringify(browsers));
  const locales = cut(await project.report("locales"), "locale", "views");
  assert.ok(locales.some((row) => String(row) === "de-de,1"), JSON.stringify(locales));
  assert.equal(await newInstalls(project), 3);
});

test("universal-analytics-python3", async () => {
  const project = await collector.project("Tracker");
  await send("universal_analytics", project);
  const rows = await tasks(project);
  assert.deepEqual(rows, [
    ["srp", "pay", 25, 0, 1, null],
    ["ua", "exception", 1, 1, 1, "MemoryError"],
  ]);
  assert.deepEqual(cut(await project.report("pages"), "path", "title", "views"), [["/start/", "Start + more", 1]]);
  const versions = (await project.report("versions")).filter((row) => row.version === "3.2.1" && row.installs > 0);
  assert.deepEqual(versions.map((row) => row.installs), [1]);
});
