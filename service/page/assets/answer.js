// The panel of the current file: its picture, what the model sees of it, the answer, a curl line.

import { readInput, TOP } from "./api.js";
import { announce, byId, percent, showBars, showImage } from "./dom.js";
import { writeCurl } from "./export.js";

let preview = new AbortController();

/** Show an item {fn, file, answer, error}; what has not arrived yet is left open. */
export function showItem(item) {
	showImage(byId("shown"), item.file);
	byId("shown").alt = byId("shown-name").textContent = byId("shown-name").title = item.fn;
	byId("curl").textContent = writeCurl(item.fn);
	showAnswer(item);
	return showSeen(item.file);
}

/** The answer to the file that is shown. */
export function showAnswer({ answer, error, expected }) {
	const label = answer ? String(answer.cls) : error ? "–" : "…";
	byId("answer").dataset.state = error ? "refused" : answer ? "done" : "waiting";
	byId("class").textContent = label;
	byId("class").className = sizeOf(label);
	byId("note").textContent = answer ? describe(answer, expected) : "";
	byId("sentence").textContent = error ?? "";
	showBars(byId("bars"), TOP, answer?.top);
}

/** As it was before the first file. */
export function showNothing() {
	preview.abort();
	for (const image of [byId("shown"), byId("seen")]) {
		image.hidden = true;
		image.removeAttribute("src");
	}
	byId("shown-name").textContent = "the file";
	byId("curl").textContent = writeCurl("0-7.png");
	showAnswer({});
	byId("answer").dataset.state = "empty";
	byId("class").textContent = "?";
	byId("note").textContent = "no file yet";
}

/** How large a label may be written. */
export const sizeOf = (label) => (label.length <= 2 ? "huge" : label.length <= 10 ? "large" : "long");

function describe({ cls, top, ms }, expected) {
	const mark = expected == null ? "" : String(cls) === expected ? "right" : `expected ${expected}`;
	return `${percent(top[0][1])} · ${ms.toFixed(1)} ms\n${mark}`;
}

async function showSeen(file) {
	preview.abort();
	preview = new AbortController();
	const { signal } = preview;
	try {
		const seen = await readInput(file, signal);
		if (!signal.aborted) showImage(byId("seen"), seen);
	} catch {
		if (!signal.aborted) byId("seen").hidden = true; // the sentence says why
	}
}

byId("copy").onclick = async () => {
	const command = byId("curl");
	try {
		await navigator.clipboard.writeText(command.textContent);
	} catch {
		getSelection().selectAllChildren(command); // without https there is no clipboard
		document.execCommand("copy");
	}
	byId("copy").textContent = "Copied";
	announce("Copied");
	setTimeout(() => (byId("copy").textContent = "Copy"), 1500);
};
