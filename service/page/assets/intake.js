// The ways in: choose, drop anywhere, paste, a folder.

import { byId } from "./dom.js";

/** Call `take` with the files of every choice, drop and paste. */
export function takeFiles(take) {
	const input = byId("files");
	input.accept = "image/*,.heic,.heif"; // what the browser cannot decode is named
	input.onchange = () => {
		take(sort([...input.files]));
		input.value = ""; // the same file may be chosen again
	};
	if (input.files.length) input.onchange(); // somebody was quicker than the scripts
	addEventListener("paste", (event) => {
		const files = [...event.clipboardData.files];
		if (files.length) take(files);
	});
	takeDrops(take);
}

function takeDrops(take) {
	const mark = (on) => document.body.classList.toggle("dragging", on);
	addEventListener("dragover", (event) => {
		if (!event.dataTransfer.types.includes("Files")) return;
		event.preventDefault();
		mark(true);
	});
	addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
	addEventListener("drop", async (event) => {
		mark(false);
		if (!event.dataTransfer.files.length) return;
		event.preventDefault();
		take(sort(await readDrop(event.dataTransfer)));
	});
}

/** The dropped files, or the pictures among them and in dropped folders. */
async function readDrop({ items, files }) {
	const dropped = [...files]; // it and the entries are gone after the first await
	const entries = [...items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
	if (!entries.some((entry) => entry.isDirectory)) return dropped;
	const found = (await Promise.all(entries.map(readEntry))).flat();
	const pictures = found.filter(({ type, name }) => type.startsWith("image/") || /\.hei[cf]$/i.test(name));
	return pictures.length ? pictures : found; // of which each is then named
}

async function readEntry(entry) {
	if (entry.isFile) {
		const file = await new Promise((done, fail) => entry.file(done, fail));
		return [Object.assign(file, { path: entry.fullPath.slice(1) })];
	}
	const reader = entry.createReader();
	const files = [];
	for (;;) {
		const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // at most 100 at a time
		if (!some.length) return files;
		files.push(...(await Promise.all(some.map(readEntry))).flat());
	}
}

const nameOf = ({ path, name }) => path ?? name;
const sort = (files) => files.sort((a, b) => nameOf(a).localeCompare(nameOf(b), "en", { numeric: true }));
