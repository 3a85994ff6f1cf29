// Opens the pages of a folder as a reader would; see browser-test.sh.
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [modules, folder, browserPath] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let passed = 0;
let failed = 0;
const check = (what, wrong) => {
  const list = Array.isArray(wrong) ? wrong : wrong ? [wrong] : [];
  if (list.length) {
    failed += 1;
    console.log(`FAILED ${what}`);
    for (const line of list.slice(0, 8)) console.log(`  ${line}`);
  } else passed += 1;
};

/** Texts of the page that lie on each other, leave their picture, or are cut by a box that does not scroll. */
const badTexts = () => {
  const bad = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((node) => [node, node.getBoundingClientRect()]);
    texts.forEach(([node, box], index) => {
      const name = `${svg.querySelector("title").textContent.slice(0, 40)}: "${node.textContent}"`;
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        bad.push(`${name} leaves its picture`);
      for (const [other, area] of texts.slice(index + 1)) {
        const x = Math.min(box.right, area.right) - Math.max(box.left, area.left);
        const y = Math.min(box.bottom, area.bottom) - Math.max(box.top, area.top);
        // Boxes are as high as the font's tallest sign: letters touch only when a third overlaps.
        if (x > 1 && y > Math.min(box.height, area.height) / 3) bad.push(`${name} lies on "${other.textContent}"`);
      }
    });
  }
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth + 1) bad.push(`the page is ${page.scrollWidth} wide in ${page.clientWidth}`);
  for (const node of document.querySelectorAll("h1,h2,h3,p,li,summary,figcaption,th,td,label,a,output,pre,code")) {
    if (!node.checkVisibility() || node.closest("svg")) continue;
    const style = getComputedStyle(node);
    const cut = style.overflowX !== "auto" && style.display !== "inline" && node.scrollWidth > node.clientWidth + 1;
    if (cut) bad.push(`cut: ${node.tagName} "${node.textContent.slice(0, 50)}"`);
  }
  return bad;
};

const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
for (const file of readdirSync(folder).filter((name) => name.endsWith(".html"))) {
  const url = pathToFileURL(`${folder}/${file}`).href;
  const errors = [];
  const requests = [];
  for (const scheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 1024, height: 800 } });
    const page = await context.newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("request", (request) => request.url() !== url && !request.url().startsWith("data:") && requests.push(request.url()));
    await page.goto(url);
    check(`${file} ${scheme}: nothing of a bundle runs`, (await page.evaluate("window.sentinel")) !== undefined && "sentinel is set");
    for (const width of [360, 1024, 1920]) {
      if (scheme === "dark" && width !== 1024) continue;
      await page.setViewportSize({ width, height: 900 });
      check(`${file} ${scheme} ${width} px: texts`, await page.evaluate(badTexts));
    }
    // The rules are put in past the policy, which stays as it is for the page.
    const client = await context.newCDPSession(page);
    await client.send("Runtime.evaluate", { expression: axe });
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    const said = found.violations.map((v) => `${v.id}: ${v.nodes.length} × ${v.help}: ${v.nodes[0].html.slice(0, 160)}`);
    check(`${file} ${scheme}: axe-core`, said);
    if (scheme === "light") await clicks(page, file);
    await context.close();
  }
  check(`${file}: console`, errors);
  check(`${file}: requests`, requests);
  const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1024, height: 800 } });
  const page = await plain.newPage();
  await page.goto(url);
  const rows = await page.locator("#t-cases tbody tr").count();
  const field = await page.locator("#t-cases-f").isVisible();
  const seen = await page.locator("#t-cases tbody tr").last().isVisible();
  check(`${file}: reads without its script`, (rows < 2 || field || !seen) && `${rows} rows, field ${field}, last row ${seen}`);
  await plain.close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

/** Sorts and filters as a hand would. */
async function clicks(page, file) {
  const rows = page.locator("#t-cases tbody tr");
  const head = page.locator("#t-cases thead th", { hasText: "Penalty" });
  const column = await head.evaluate((node) => node.cellIndex);
  const values = () =>
    page.$$eval("#t-cases tbody tr", (all, at) => all.map((row) => parseFloat(row.cells[at].textContent)), column);
  const sorted = (list, down) => list.every((value, index) => !index || (down ? value <= list[index - 1] : value >= list[index - 1]));
  await head.getByRole("button").click();
  check(`${file}: sorts upwards`, !sorted(await values(), false) && "not in order");
  check(`${file}: says so`, (await head.getAttribute("aria-sort")) !== "ascending" && "no aria-sort");
  await head.getByRole("button").click();
  check(`${file}: sorts downwards`, !sorted(await values(), true) && "not in order");
  const all = await rows.count();
  await page.locator("#t-cases-f").fill("4096x4096");
  const left = await page.locator("#t-cases tbody tr:visible").count();
  const said = await page.locator(".filter output").last().textContent();
  check(`${file}: filters`, (left < 1 || left >= all || !said.startsWith(`${left} of ${all}`)) && `${left} of ${all}: ${said}`);
  await page.locator("#t-cases-f").fill("no such case");
  check(`${file}: filters all`, (await page.locator("#t-cases tbody tr:visible").count()) !== 0 && "rows are left");
  await page.locator("#t-cases-f").fill("");
  check(`${file}: shows all again`, (await page.locator("#t-cases tbody tr:visible").count()) !== all && "rows are missing");
}
