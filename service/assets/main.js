// The page's parts, put together.

import { showAnswer, showItem, showNothing } from "./answer.js";
import { classify, readLabels, Refused } from "./api.js";
import { announce, byId, download, percent } from "./dom.js";
import { writeCsv } from "./export.js";
import { takeFiles } from "./intake.js";
import { Pad } from "./pad.js";
import { Results } from "./results.js";

let current = null;

const results = new Results(
	(item) => showItem((current = item)),
	(item) => item === current && showAnswer(item),
);

takeFiles((files) => {
	results.add(files);
	byId(files.length > 1 ? "results" : "answer").scrollIntoView({ block: "nearest" });
});

byId("clear").addEventListener("click", () => {
	results.clear();
	current = null;
	showNothing();
	byId("files").focus();
});
byId("export").addEventListener("click", () => {
	const done = results.items.filter(({ answer, error }) => answer || error);
	download(new Blob([writeCsv(done)], { type: "text/csv" }), "results.csv");
});

// Samples

async function readSample(name) {
	const response = await fetch(pathOf(name));
	return new File([await response.blob()], name, { type: "image/png" });
}

const pathOf = (name) => `../samples/${encodeURIComponent(name)}`;
const strip = byId("samples").querySelector("ul");
const names = JSON.parse(strip.dataset.names);
for (const name of names) {
	const image = Object.assign(new Image(48, 48), { alt: `Classify ${name}`, loading: "lazy", src: pathOf(name) });
	const button = Object.assign(document.createElement("button"), { type: "button", title: name });
	const place = document.createElement("li");
	button.append(image);
	place.append(button);
	strip.append(place);
	button.addEventListener("click", async () => {
		results.add([await readSample(name)], true);
		byId("answer").scrollIntoView({ block: "nearest" });
	});
}
byId("all-samples").addEventListener("click", async () => results.add(await Promise.all(names.map(readSample)), true));

// Drawing: one request at a time, and another when the drawing has changed meanwhile.

let drawings = 0; // kept so far
let changed = false;
let classifying = false;
let announcement;

const pad = new Pad(byId("pad"), () => {
	changed = true;
	for (const id of ["undo", "clear-pad", "keep", "save"]) byId(id).disabled = pad.empty;
	byId("pad-hint").hidden = !pad.empty;
	if (!classifying) classifyDrawing();
});

async function classifyDrawing() {
	classifying = true;
	while (changed) {
		changed = false;
		const file = await pad.toPng();
		if (!pad.empty) await showDrawing({ fn: "drawing.png", file });
		else if (current?.fn === "drawing.png") showNothing();
	}
	classifying = false;
}

async function showDrawing(item) {
	current = item;
	const seen = showItem({ ...item, ...last });
	try {
		last = { answer: await classify(item.file, item.fn) };
	} catch (error) {
		last = { error: error instanceof Refused ? error.message : String(error) };
	}
	if (current !== item) return;
	showAnswer(last);
	clearTimeout(announcement);
	announcement = setTimeout(() => last.answer && announce(`${last.answer.cls}, ${percent(last.answer.top[0][1])}`), 700);
	await seen;
}

let last = {}; // answer to the drawing so far, shown until the next one

byId("undo").addEventListener("click", () => pad.undo());
byId("clear-pad").addEventListener("click", () => pad.clear());
byId("keep").addEventListener("click", async () => {
	const file = await pad.toPng();
	results.add([new File([file], `drawing ${++drawings}.png`, { type: "image/png" })]);
});
byId("save").addEventListener("click", async () => download(await pad.toPng(), "drawing.png"));

// Labels

byId("labels").addEventListener("toggle", async ({ newState }) => {
	if (newState !== "open") return;
	const list = byId("labels").firstElementChild;
	const lines = await readLabels().catch(() => ["The server does not answer."]);
	list.replaceChildren(...lines.map((label) => Object.assign(document.createElement("li"), { textContent: label })));
});

showNothing();
