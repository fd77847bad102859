// Drives the page for operators in Chromium, as an operator would. Started by dashboard.rs.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { SERVICE, TOKEN, PREFIX, CHROMIUM, PACKAGES, SCREENSHOTS } = process.env;
const load = createRequire(PACKAGES + "/");
const { chromium } = load("playwright-core");
const axe = load("axe-core").source;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = async (wish) => { console.log(wish); assert.equal((await answers.next()).value, "done"); };

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
const page = await context.newPage();
page.setDefaultTimeout(60_000);

// What must never happen: errors of the script, violations of the policy, requests to elsewhere.
const wrong = [];
page.on("pageerror", (error) => wrong.push("error: " + error.message));
page.on("console", (message) => { if (/Content Security Policy|Refused to/.test(message.text())) wrong.push(message.text()); });
page.on("request", (request) => { if (!request.url().startsWith(SERVICE) && !request.url().startsWith("data:")) wrong.push("asked " + request.url()); });
await page.addInitScript(() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
});

const text = (selector) => page.locator(selector).innerText();
const shows = (selector, expected) => page.waitForFunction(([selector, expected]) => document.querySelector(selector).innerText.includes(expected), [selector, expected]);
const snapshots = () => page.evaluate(() => Number(document.body.dataset.snapshots || 0));
const accessible = async (name) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  assert.deepEqual(violations.map((found) => found.id + ": " + found.nodes.map((node) => node.target + " " + node.failureSummary).join("; ")), [], name);
};
const picture = async (name) => { if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true }); };
const user = async (id) => (await fetch(`${SERVICE}/api/v1/users/${id}`)).headers.get("x-cache");

// Without the token there is nothing to see.
await page.goto(SERVICE + "/admin");
assert.equal(page.url(), SERVICE + "/admin/");
assert.equal(await page.locator("#main").isVisible(), false);
await accessible("login");
await page.fill("#token", "a-wrong-token-of-somebody");
await page.press("#token", "Enter");
await shows("#refused", "The token is not right.");
assert.equal(await page.locator("#main").isVisible(), false);
assert.equal(await page.evaluate(() => sessionStorage.getItem("token")), null);

// With it the page lives.
for (const id of [1, 2, 3, 4, 5]) await user(id);
assert.equal(await user(1), "HIT");
await page.fill("#token", TOKEN);
await page.press("#token", "Enter");
await page.locator("#main").waitFor({ state: "visible" });
const first = await snapshots();
await page.waitForFunction((first) => Number(document.body.dataset.snapshots) >= first + 3, first);
await shows("#connection", "Live");
// A busy machine may be slow to answer, which is a reason to say so.
await page.waitForFunction(() => ["healthy", "degraded"].includes(document.querySelector("#status").className));
await shows("#caches", "user");
await shows("#issues", "requirepass");
assert.match(await text("#latency-text"), /PING \d/);
assert.equal(await page.locator("#latency-chart canvas").count(), 1);
await page.click("#count");
await shows("#categories", "cache");
await shows("#counted", "keys of 1 server");

// A preview counts and removes nothing; then it is done.
await page.focus("#what");
await page.keyboard.type("user:{*}");
await page.keyboard.press("Enter");
await shows("#outcome", "5 entries match cache:user:{*}");
await shows("#outcome", "cache:user:{1}");
assert.equal(await user(1), "HIT");
await page.click("#do");
await shows("#outcome", "Done: 5 removed.");
assert.equal(await user(1), "MISS");
// Changing the pattern takes the right to forget away.
await page.fill("#what", "user:{*}");
await page.click("#preview");
await shows("#outcome", "1 entry matches");
await page.fill("#what", "*");
assert.equal(await page.isDisabled("#do"), true);

// Everything asks to be confirmed.
await page.click("#preview");
await shows("#outcome", "match");
await page.click("#do");
await page.locator("#confirm-field").waitFor({ state: "visible" });
assert.equal(await text("#confirm-word"), PREFIX);
assert.equal(await user(1), "HIT");
await page.fill("#confirm", PREFIX);
await page.click("#do");
await shows("#outcome", "removed.");
assert.equal(await user(1), "MISS");

// One key of a cache, chosen by the keyboard alone.
await page.focus("input[name=by][value=pattern]");
await page.keyboard.press("ArrowDown");
await page.locator("#cache-field").waitFor({ state: "visible" });
await page.selectOption("#cache", "user");
await page.fill("#what", "1");
assert.equal(await user(1), "HIT");
await page.press("#what", "Enter");
await shows("#outcome", "will be loaded anew");
await page.click("#do");
await shows("#outcome", "Done: every process forgets it.");
assert.equal(await user(1), "MISS");

// The first stop of the keyboard leads past the head.
await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
await page.reload();
await page.locator("#main").waitFor({ state: "visible" });
await page.waitForFunction(() => Number(document.body.dataset.snapshots) >= 2);
assert.equal(await page.locator("a.skip").count(), 1);

// Both themes, and a phone.
await accessible("light");
await picture("light");
await page.click("#theme");
assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
await page.waitForFunction(() => Number(document.body.dataset.snapshots) >= 4);
await accessible("dark");
await picture("dark");
await page.setViewportSize({ width: 360, height: 740 });
await page.waitForFunction(() => document.documentElement.scrollWidth <= 360);
await picture("phone");
await page.setViewportSize({ width: 1280, height: 900 });

// While nobody looks, nothing is asked.
const look = (hidden) => page.evaluate((hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);
await look(true);
await shows("#connection", "Paused");
await look(false);
await shows("#connection", "Live");

// The server dies and comes back.
await tell("kill the server");
await page.waitForFunction(() => document.querySelector("#status").className === "unhealthy");
await shows("#issues", "does not answer");
await picture("unhealthy");
await tell("start the server");
await page.waitForFunction(() => document.querySelector("#status").className !== "unhealthy");

// The token is forgotten on request.
await page.click("#leave");
await page.locator("#login").waitFor({ state: "visible" });
assert.equal(await page.evaluate(() => sessionStorage.getItem("token")), null);

assert.deepEqual(await page.evaluate(() => window.violations), []);
assert.deepEqual(wrong, []);
await browser.close();
console.log("all is well");
process.exit(0);
