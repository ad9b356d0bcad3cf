// What a person does, done in Firefox: node firefox.mjs <firefox> <address> <file>…; prints what was seen, as JSON.

import puppeteer from "puppeteer-core";

const [executablePath, url, ...files] = process.argv.slice(2);
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const page = await browser.newPage();
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
await page.setViewport({ width: 390, height: 844 }).catch((error) => {
	if (!/unknown command emulation/.test(error.message)) throw error; // the size is set; an older Firefox has no orientation
});
await page.goto(url);

const read = (selector) => page.$eval(selector, (element) => element.textContent.trim());
const isShown = (selector) => page.$eval(selector, (element) => element.checkVisibility());
/** Not the library's own waiting: in some versions the page's policy forbids it. */
async function until(happened) {
	for (const end = performance.now() + 20_000; !(await happened()); await new Promise((done) => setTimeout(done, 20)))
		if (performance.now() > end) throw new Error(`not within 20 s: ${happened}`);
}
const count = (selector) => page.$$eval(selector, (elements) => elements.length);
const settled = (state) => until(() => count(`#answer[data-state=${state}]`));
const seen = { example: await read("#class"), fits: await page.evaluate("document.documentElement.scrollWidth <= innerWidth") };

const pad = await (await page.$("#pad")).boundingBox();
await page.mouse.move(pad.x + pad.width / 2, pad.y + 0.2 * pad.height);
await page.mouse.down();
for (let step = 1; step <= 10; step++) await page.mouse.move(pad.x + pad.width / 2, pad.y + (0.2 + 0.06 * step) * pad.height);
await page.mouse.up();
await until(async () => (await read("#shown-name")) === "drawing.png");
await settled("done");
seen.drawn = await read("#class");
await page.click("#wipe");
await settled("empty");

seen.chosen = [];
for (const file of files) {
	await (await page.$("#files")).uploadFile(file);
	await until(async () => (await count(".card:is(.done, .right, .wrong, .refused)")) === seen.chosen.length + 1);
	const card = `.card:nth-child(${seen.chosen.length + 1})`;
	seen.chosen.push([await read(`${card} .fn`), await read(`${card} .label`), await read(`${card} .sentence`)]);
}
await page.click("summary");
seen.facts = await isShown("dl");
seen.complaints = complaints;
console.log(JSON.stringify(seen));
await browser.close();
