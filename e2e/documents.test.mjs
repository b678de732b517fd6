// What the guides show is run as it stands there: the commands of install.md, the call of protocol.md.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { required, start } from "./collector.mjs";

const run = promisify(execFile);
let collector;

before(async () => {
  collector = await start("serve", []);
});
after(async () => {
  assert.equal(await collector?.stop(), 0);
});

/** The code blocks of a guide in one language, in order. */
async function blocks(guide, language) {
  const text = await readFile(new URL(`../docs/${guide}`, import.meta.url), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map((match) => match[1]);
}

/** Runs a block in the collector's folder with the binary on the PATH. */
async function shell(block, environment = {}) {
  const path = `${dirname(required("HEADCOUNT_E2E_BINARY"))}:${process.env.PATH}`;
  const { stdout } = await run("bash", ["-euc", block], {
    cwd: dirname(collector.data),
    env: { ...process.env, ...environment, PATH: path },
  });
  return stdout;
}

test("install.md from the first project to the first token", async () => {
  const all = await blocks("install.md", "sh");
  const commands = all.filter((block) => !/cargo build|headcount serve/.test(block));
  assert.equal(commands.length, 3);
  const printed = [];
  for (const command of commands) printed.push(await shell(command));
  const [project, user, token] = printed;
  assert.equal(JSON.parse(project).project, "alliance-auth");
  assert.match(JSON.parse(project).ingest_key, /^hc_/);
  assert.match(user, /\/login\/link\/\S+/);
  assert.match(JSON.parse(token).token, /^hcr_/);
});

test("the native batch of protocol.md, twice", async () => {
  const project = await collector.project("Native");
  const [call] = await blocks("protocol.md", "sh");
  const receipts = await blocks("protocol.md", "json");
  const here = call.replace("http://127.0.0.1:8787", collector.url);
  for (const receipt of receipts.slice(0, 2)) {
    const answer = await shell(here, { HEADCOUNT_INGEST_KEY: project.ingest_key });
    assert.deepEqual(JSON.parse(answer), JSON.parse(receipt));
  }
  const [task] = await project.report("tasks");
  assert.deepEqual([task.namespace, task.task, task.runs], ["memberaudit", "update_character", 1]);
  const [app] = await project.report("apps");
  assert.deepEqual([app.app, app.installs], ["memberaudit", 1]);
});
