// The real binary, started on an empty folder and spoken to as an operator would. Never reads its data folder.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const binary = required("HEADCOUNT_E2E_BINARY");

/** The value of an environment variable that cargo xtask test sets. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this through cargo xtask test`);
  return value;
}

/** Environment without settings of a headcount on this machine. */
function cleanEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^HEADCOUNT_(?!E2E)/.test(name));
  return Object.fromEntries(kept);
}

/** Starts `headcount COMMAND ...` and waits until it listens and what it prints matches `ready`. */
export async function start(command, options, { ready = /listening on (http:\/\/\S+)/, seconds = 60 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "headcount-e2e-"));
  const data = join(folder, "headcount-data");
  const flags = command === "serve" ? ["--data", data, ...options] : options;
  const child = spawn(binary, [command, "--listen", "127.0.0.1:0", ...flags], {
    cwd: folder,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  const exited = new Promise((resolve) => child.once("exit", resolve));
  try {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready after ${seconds} s:\n${printed}`)), seconds * 1000);
      const read = (chunk) => {
        printed += chunk;
        if (/listening on http:\/\/\S+/.test(printed) && ready.test(printed)) {
          clearTimeout(timer);
          resolve();
        }
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${command} ended with ${code}:\n${printed}`)));
    });
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  const url = printed.match(/listening on (http:\/\/[^\s/]+)/)[1];
  return {
    url,
    data,
    printed: () => printed,
    project: (name, ...more) => createProject(data, url, name, more),
    async stop() {
      child.kill("SIGTERM");
      const code = await exited;
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
}

/** Runs a headcount command on a data folder and reads the one JSON object that it prints. */
async function command(data, ...words) {
  const { stdout } = await run(binary, [...words, "--data", data, "--json"], { env: cleanEnvironment() });
  return JSON.parse(stdout);
}

async function createProject(data, url, name, more) {
  const project = await command(data, "project", "create", name, ...more);
  const { token } = await command(data, "token", "create", "--project", project.project);
  return {
    ...project,
    /** Rows of a report over yesterday and today, each an object named by the report's columns. */
    async report(report, parameters = {}) {
      const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
      const query = new URLSearchParams({ from: day(1), to: day(0), bucket: "day", ...parameters });
      const answer = await fetch(`${url}/api/v1/projects/${project.project}/reports/${report}?${query}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      if (answer.status !== 200) throw new Error(`report ${report}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
      const { columns, rows } = await answer.json();
      return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
    },
  };
}

/** Only the named columns of each row, sorted, so that added columns break nothing. */
export function cut(rows, ...columns) {
  return rows.map((row) => columns.map((column) => row[column])).sort();
}

/** The tasks report, cut to what every test compares. */
export async function tasks(project) {
  return cut(await project.report("tasks"), "namespace", "task", "runs", "failures", "installs", "top_exception");
}

/** Installs first seen in the reported days: the same before and after midnight. */
export async function newInstalls(project) {
  return (await project.report("installs")).reduce((sum, row) => sum + row.new, 0);
}

/** Opens a one-time link in a browser of its own and keeps the session's cookies. */
export async function byLink(browser, link) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.locator("main form button").click();
  await page.waitForURL(/\/(account|projects|\?|$)/);
  const kept = await context.cookies();
  await context.close();
  return kept;
}
