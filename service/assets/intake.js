// The ways in: choose, drop anywhere, paste, a folder.

import { byId } from "./dom.js";

const isPng = (file) => /\.png$/i.test(file.name);
const inOrder = new Intl.Collator("en", { numeric: true }).compare;

/** Call `take` with the files of every choice, drop and paste. */
export function takeFiles(take) {
	const input = byId("files");
	input.onchange = () => {
		take(sort([...input.files]));
		input.value = ""; // the same file may be chosen again
	};
	addEventListener("paste", (event) => {
		const files = [...event.clipboardData.files];
		if (files.length) take(files);
	});
	takeDrops(take);
}

function takeDrops(take) {
	const mark = (on) => document.body.classList.toggle("dragging", on);
	const hasFiles = (event) => event.dataTransfer.types.includes("Files");
	addEventListener("dragover", (event) => {
		if (!hasFiles(event)) return;
		event.preventDefault();
		event.dataTransfer.dropEffect = "copy";
		mark(true);
	});
	addEventListener("dragleave", (event) => {
		if (!event.relatedTarget) mark(false);
	});
	addEventListener("drop", async (event) => {
		mark(false);
		if (!hasFiles(event)) return;
		event.preventDefault();
		take(sort(await readDrop(event.dataTransfer)));
	});
}

/** The dropped files, and the PNGs of dropped folders. */
async function readDrop(transfer) {
	// The entries are gone after the first await.
	const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
	if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
	const found = await Promise.all(
		entries.map(async (entry) => (entry.isDirectory ? (await walk(entry)).filter(isPng) : [await open(entry)])),
	);
	return found.flat();
}

async function walk(folder) {
	const reader = folder.createReader();
	const files = [];
	for (;;) {
		const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // at most 100 at a time
		if (!some.length) return files;
		for (const entry of some) files.push(...(entry.isDirectory ? await walk(entry) : [await open(entry)]));
	}
}

const open = (entry) => new Promise((done, fail) => entry.file(done, fail));

const sort = (files) => files.sort((a, b) => inOrder(a.name, b.name));
