// Opens pages from files in Chromium, with every request but that for the file refused. Started by main.rs.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { PAGES, CHROMIUM, PACKAGES, SCREENSHOTS } = process.env;
const load = createRequire(PACKAGES + "/");
const { chromium } = load("playwright-core");
const axe = load("axe-core").source;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
for (const [nth, line] of PAGES.split("\n").entries()) {
  const [charts, path] = line.split(/=(.*)/s);
  // The pages share their style, so one of them speaks for the dark.
  for (const colorScheme of nth === 0 ? ["light", "dark"] : ["light"]) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, colorScheme, offline: true });
    const page = await context.newPage();
    const address = pathToFileURL(path).href;
    const wrong = [];
    page.on("pageerror", (error) => wrong.push("error: " + error.message));
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push(message.text()); });
    page.on("request", (request) => { if (request.url() !== address) wrong.push("asked " + request.url()); });
    await page.goto(address);
    await page.waitForFunction(() => document.body.dataset.charts);
    assert.equal(await page.evaluate(() => document.body.dataset.charts), charts, path);
    assert.equal(await page.locator(".chart canvas").count(), Number(charts), path);
    // Something is drawn on each of them, in more than one colour.
    const colours = await page.evaluate(() => [...document.querySelectorAll(".chart canvas")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
      return seen.size;
    }));
    assert.ok(colours.every((count) => count > 1), `${path}: ${colours}`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
    assert.deepEqual(violations.map((found) => found.id + ": " + found.nodes.map((node) => node.html + " " + node.failureSummary).join("; ")), [], path);
    if (SCREENSHOTS && colorScheme === "light") await page.screenshot({ path: `${SCREENSHOTS}/${path.split("/").pop().replace(".html", "")}.png`, fullPage: true });
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForFunction(() => document.documentElement.scrollWidth <= 360);
    assert.deepEqual(wrong, [], path);
    await context.close();
  }
}
await browser.close();
console.log("all is well");
