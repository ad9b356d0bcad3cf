// The page's parts, put together.

import { showAnswer, showItem, showNothing } from "./answer.js";
import { classify, readLabels } from "./api.js";
import { announce, byId, download, make, moveFocus, percent } from "./dom.js";
import { writeCsv } from "./export.js";
import { takeFiles } from "./intake.js";
import { Pad } from "./pad.js";
import { Results } from "./results.js";

let current = null; // the item in the answer panel

const results = new Results(
	(item) => showItem((current = item)),
	(item) => item === current && showAnswer(item),
);

takeFiles((files) => {
	results.add(files);
	byId(files.length > 1 ? "results" : "answer").scrollIntoView({ block: "nearest" });
});

byId("clear").onclick = () => {
	results.clear();
	current = null;
	showNothing();
	byId("files").focus();
};
byId("export").onclick = () => {
	const done = results.items.filter(({ state }) => state !== "waiting");
	download(new Blob([writeCsv(done)], { type: "text/csv" }), "results.csv");
};

// Samples

const strip = byId("samples").querySelector("ul");
const names = (strip.dataset.names.match(/[^/]+/g) ?? []).map((stem) => `${stem}.png`);
const pathOf = (name) => `../samples/${encodeURIComponent(name)}`;
const readSample = async (name) => new File([await (await fetch(pathOf(name))).blob()], name);

for (const name of names) {
	const onclick = async () => {
		results.add([await readSample(name)], true);
		byId("answer").scrollIntoView({ block: "nearest" });
	};
	const image = make("img", { width: 48, height: 48, alt: `Classify ${name}`, loading: "lazy", src: pathOf(name) });
	const button = make("button", { type: "button", title: name, tabIndex: strip.childElementCount ? -1 : 0, onclick }, image);
	strip.append(make("li", {}, button));
}
strip.onkeydown = (event) => moveFocus(event, [...strip.querySelectorAll("button")]);
byId("all-samples").onclick = async () => results.add(await Promise.all(names.map(readSample)), true);

// Drawing: one request at a time, and another when the drawing has changed meanwhile.

const DRAWING = "drawing.png";
let changed = false;
let classifying = false;
let last = {}; // the answer to the drawing so far, shown until the next one
let kept = 0;
let announcement;

const pad = new Pad(byId("pad"), () => {
	changed = true;
	for (const button of byId("draw").querySelectorAll("button")) button.disabled = pad.empty;
	byId("pad-hint").hidden = !pad.empty;
	if (!classifying) classifyDrawing();
});

async function classifyDrawing() {
	classifying = true;
	while (changed) {
		changed = false;
		const file = await pad.toPng();
		if (!pad.empty) await showDrawing({ fn: DRAWING, file });
		else if (current?.fn === DRAWING) showNothing();
	}
	classifying = false;
}

async function showDrawing(item) {
	current = item;
	const seen = showItem({ ...item, ...last });
	last = await classify(item.file, item.fn).then((answer) => ({ answer }), (error) => ({ error: error.message }));
	if (current !== item) return;
	showAnswer(last);
	clearTimeout(announcement);
	announcement = setTimeout(() => announce(last.error ?? `${last.answer.cls}, ${percent(last.answer.top[0][1])}`), 700);
	await seen;
}

byId("undo").onclick = () => pad.undo();
byId("wipe").onclick = () => pad.clear();
byId("keep").onclick = async () => results.add([new File([await pad.toPng()], `drawing ${++kept}.png`)]);
byId("save").onclick = async () => download(await pad.toPng(), DRAWING);

// Labels

byId("labels").ontoggle = async ({ newState }) => {
	if (newState !== "open") return;
	const lines = await readLabels().catch(() => ["The server does not answer."]);
	byId("labels").firstElementChild.replaceChildren(...lines.map((label) => make("li", {}, label)));
};

showNothing();
