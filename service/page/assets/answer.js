// The panel of the current file: its picture, what the model sees of it, the answer, a curl line.

import { LARGE, readInput, TOP } from "./api.js";
import { announce, byId, percent, showBars, showImage } from "./dom.js";
import { writeCurl } from "./export.js";
import { toPng } from "./pictures.js";

const SURE = 0.7; // probability from which on a class is named as the answer
const LIKELY = 1 / 3; // of the best one's probability, that a class has which is named beside it

const TAKEN = byId("files").accept.split(","); // by the server: the page itself makes a PNG of whatever the browser shows
let preview = new AbortController();

/** Show an item {fn, file, answer, error}; what has not arrived yet is left open. */
export function showItem(item) {
	byId("region").hidden = true;
	byId("choose-part").inert = item.drawn;
	showImage(byId("shown"), item.file);
	byId("shown").alt = byId("shown-name").textContent = byId("shown-name").title = item.fn;
	showCurl(item);
	showAnswer(item);
	return showSeen(item);
}

/** The answer to the file that is shown. */
export function showAnswer({ answer, error, expected }) {
	const doubt = answer ? nameDoubt(answer.top) : "";
	const label = answer ? (doubt ? `not sure: ${doubt}` : String(answer.cls)) : "…";
	byId("answer").dataset.state = error ? "refused" : doubt ? "unsure" : answer ? "done" : "waiting";
	byId("class").textContent = label;
	byId("class").className = answer ? sizeOf(label) : "large";
	byId("note").textContent = answer ? describe(answer, expected, doubt) : "";
	byId("sentence").textContent = error ?? "";
	showBars(byId("bars"), TOP, answer?.top);
}

/** How much of a large file has been sent, 0 to 1. */
export function showProgress(share) {
	byId("note").textContent = share < 1 ? `sending, ${Math.floor(share * 100)} %` : "sent; the server is reading";
}

/** The sample that the page comes with; its pictures are there. */
export function showExample(item) {
	showCurl(item);
	byId("choose-part").inert = false;
	showAnswer(item);
}

/** As it is before the first file. */
export function showNothing() {
	preview.abort();
	for (const part of ["shown", "seen", "region"].map(byId)) {
		part.hidden = true;
		part.removeAttribute("src");
	}
	byId("shown-name").textContent = "";
	showCurl({ fn: "picture.png" });
	showAnswer({});
	byId("answer").dataset.state = "empty";
	byId("class").textContent = "";
}

/** The command for this file, where the server takes it as the user has it. */
function showCurl({ fn, file }) {
	byId("curl").textContent = writeCurl(fn);
	byId("curl").parentElement.inert = file !== undefined && (file.isMade || !TAKEN.includes(file.type));
}

/** An answer in words, for who hears it. */
export const tell = ({ answer, error }) => error ?? `${answer.cls}, ${percent(answer.top[0][1])}`;

/** How large a label may be written. */
export const sizeOf = (label) => (label.length <= 2 ? "huge" : label.length <= 10 ? "large" : "long");

/** The classes that a model which is not sure may mean, "0 or 6"; nothing where it is sure. */
export function nameDoubt(top) {
	const best = top[0][1];
	if (best >= SURE) return "";
	const likely = top.filter(([, share]) => share >= best * LIKELY).map(([label]) => label).slice(0, 3);
	return likely.length > 1 ? `${likely.slice(0, -1).join(", ")} or ${likely.at(-1)}` : `perhaps ${likely[0]}`;
}

function describe({ cls, top, ms }, expected, doubt) {
	const mark = expected == null ? "" : String(cls) === expected ? "right" : `expected ${expected}`;
	const facts = [doubt && `the server says ${cls}`, percent(top[0][1]), ms && `${ms.toFixed(1)}\u00a0ms`];
	return `${facts.filter(Boolean).join(" · ")}\n${mark}`;
}

async function showSeen(item) {
	preview.abort();
	preview = new AbortController();
	const { signal } = preview;
	try {
		const ready = item.ready ?? toPng(item.file);
		if (item.state === "waiting") item.ready = ready; // it is sent from there, too
		const picture = await ready;
		if (picture.blob.size >= LARGE) await item.settled;
		signal.throwIfAborted();
		const { seen, region } = await readInput(picture.blob, signal);
		if (signal.aborted) return;
		showImage(byId("seen"), seen);
		if (region) showRegion(region, picture);
	} catch {
		if (!signal.aborted) byId("seen").hidden = true; // the sentence says why
	}
}

/** A frame around what of the picture the model sees; left, top, width and height in the picture's pixels. */
function showRegion([left, top, wide, high], { width, height }) {
	const { naturalWidth, naturalHeight } = byId("shown");
	if ((naturalWidth - naturalHeight) * (width - height) < 0) [width, height] = [height, width]; // the file is turned
	const side = Math.max(width, height);
	const share = (pixels) => `${(pixels / side) * 100}%`;
	const places = { left: share(left + (side - width) / 2), top: share(top + (side - height) / 2) };
	Object.assign(byId("region").style, places, { width: share(wide), height: share(high) });
	byId("region").hidden = wide >= width && high >= height;
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
