// The page, put together.

import { showAnswer, showExample, showItem, showNothing, showProgress, tell } from "./answer.js";
import { classify, readLabels, restored } from "./api.js";
import { announce, byId, download, make, moveFocus } from "./dom.js";
import { writeCsv } from "./export.js";
import { takeFiles } from "./intake.js";
import { Pad } from "./pad.js";
import { choosePart } from "./part.js";
import { claimOf, Results } from "./results.js";

let current = null; // in the answer panel

const results = new Results({
	selected(item) {
		current = item;
		showItem(item);
	},
	settled: (item) => item === current && showAnswer(item),
	progressed: (item, share) => item === current && showProgress(share),
});

byId("clear").onclick = () => {
	const isOfThem = results.items.includes(current);
	results.clear();
	if (isOfThem) {
		current = null;
		showNothing();
	}
	byId("files").focus();
};
byId("export").onclick = () => {
	const done = results.items.filter(({ state }) => state !== "waiting");
	download(new Blob([writeCsv(done)], { type: "text/csv" }), "results.csv");
};

// Samples

const strip = byId("samples").querySelector("ul");
const names = (strip.dataset.names.match(/[^/]+/g) ?? []).map((stem) => `${stem}.png`);
const pathOf = (name) => `samples/${encodeURIComponent(name)}`;

async function readSample(name) {
	const response = await fetch(pathOf(name)).catch(() => restored().then(() => fetch(pathOf(name))));
	return new File(response.ok ? [await response.blob()] : [], name, { type: "image/png" });
}

/** Add samples to the results; what has come into the panel meanwhile stays there. */
async function addSamples(names) {
	const before = current;
	const files = await Promise.all(names.map(readSample));
	results.add(files, true, current === before);
}

strip.onclick = ({ target }) => {
	const button = target.closest("button");
	if (button) addSamples([button.value]);
};
strip.onkeydown = (event) => moveFocus(event, [...strip.querySelectorAll("button")]);
byId("all-samples").onclick = () => addSamples(names);

// Drawing: one request at a time, and another when the drawing has changed meanwhile.

const drawing = { fn: "drawing.png", drawn: true }; // an item whose answer stays until the next one
let changed = false;
let classifying = false;
let announcement;

const pad = new Pad(byId("pad"), () => {
	changed = true;
	if (!pad.empty) current = drawing;
	for (const button of byId("draw").querySelectorAll("button")) button.disabled = pad.empty;
	byId("pad-hint").hidden = !pad.empty;
	if (!classifying) classifyDrawing();
});

async function classifyDrawing() {
	classifying = true;
	while (changed) {
		changed = false;
		drawing.file = await pad.toPng();
		if (pad.empty) drawing.answer = drawing.error = null;
		if (current === drawing) await (pad.empty ? showNothing() : showDrawing());
	}
	classifying = false;
}

async function showDrawing() {
	drawing.ready = null;
	const seen = showItem(drawing);
	const answered = classify(drawing.file, drawing.fn).then((answer) => ({ answer, error: null }));
	Object.assign(drawing, await answered.catch(({ message }) => ({ answer: null, error: message })));
	if (current !== drawing) return;
	showAnswer(drawing);
	clearTimeout(announcement);
	announcement = setTimeout(announce, 700, tell(drawing));
	await seen;
}

byId("undo").onclick = () => pad.undo();
byId("wipe").onclick = () => pad.clear();
byId("save").onclick = async () => download(await pad.toPng(), drawing.fn);

// A part of the current picture

byId("choose-part").onclick = async () => {
	choosePart(current.file ?? (await readSample(current.fn)), (part) => results.add([part]));
};

// Labels and other models

byId("labels").ontoggle = async ({ newState }) => {
	if (newState !== "open") return;
	const lines = await readLabels().catch(() => ["The server does not answer."]);
	byId("labels").firstElementChild.replaceChildren(...lines.map((label) => make("li", {}, label)));
};
byId("find")?.addEventListener("input", ({ target }) => {
	const words = target.value.toLowerCase().split(/\s+/);
	const items = [...byId("models").querySelectorAll("li")];
	for (const item of items) item.hidden = !words.every((word) => item.textContent.toLowerCase().includes(word));
	byId("found").hidden = items.some((item) => !item.hidden);
});

// The sample that the page comes with, and its answer

const example = byId("answer").dataset.example;

/** Of a model that has come since the server started, the answer is not there yet. */
async function tryFirst(file) {
	const item = { fn: file.name, file };
	item.settled = classify(file, item.fn).then((answer) => (item.answer = answer), ({ message }) => (item.error = message));
	await item.settled;
	if (current) return; // somebody has done something meanwhile
	current = item;
	showItem(item);
}
if (example) {
	const answer = JSON.parse(example);
	const likely = answer.top.map(([label]) => String(label));
	current = { fn: answer.fn, answer, expected: claimOf(answer.fn, likely, true) };
	showExample(current);
} else {
	showNothing();
	if (names.length) readSample(names[0]).then(tryFirst);
}

// Last, as somebody may have chosen files before the scripts were here

takeFiles((files) => {
	results.add(files);
	byId(files.length > 1 ? "results" : "answer").scrollIntoView({ block: "nearest" });
});
