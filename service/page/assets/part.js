// A box on a picture, drawn with mouse, pen, finger or keys, to ask about that part alone.

import { ARROWS, byId, locate } from "./dom.js";
import { cut } from "./pictures.js";

const STEP = 0.02; // of the picture, for each key
const LEAST = 0.02; // of the picture, that a box is wide and high

const dialog = byId("part");
const sheet = dialog.querySelector(".sheet");
const within = (value, low, high) => Math.max(low, Math.min(high, value));
let box; // left, top, width, height: shares of the picture

/** Let a part of a file be chosen; `take` is called with it, as a file of its own. */
export function choosePart(file, take) {
	const image = sheet.querySelector("img");
	const url = URL.createObjectURL(file);
	image.src = url;
	image.onload = () => sheet.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
	dialog.onclose = () => URL.revokeObjectURL(url);
	byId("part-go").disabled = false;
	byId("part-go").onclick = async () => {
		byId("part-go").disabled = true;
		const name = `part of ${file.name.replace(/\.\w+$/, "")}.png`;
		const part = new File([await cut(file, box)], name, { type: "image/png" });
		if (dialog.open) take(Object.assign(part, { isMade: true }));
		dialog.close();
	};
	place([0.25, 0.25, 0.5, 0.5]);
	dialog.showModal();
	byId("box").focus();
}

function place(wanted) {
	box = wanted;
	for (const [index, side] of ["left", "top", "width", "height"].entries()) byId("box").style[side] = `${box[index] * 100}%`;
}

const find = (event) => locate(event, sheet).map((share) => within(share, 0, 1));
byId("part-close").onclick = () => dialog.close();
sheet.onpointerdown = (event) => {
	event.preventDefault();
	sheet.setPointerCapture(event.pointerId);
	const start = find(event);
	sheet.onpointermove = (moved) => {
		if (moved.pointerId !== event.pointerId) return;
		const end = find(moved);
		const size = [0, 1].map((axis) => Math.max(LEAST, Math.abs(end[axis] - start[axis])));
		place([...size.map((side, axis) => within(Math.min(start[axis], end[axis]), 0, 1 - side)), ...size]);
	};
};
sheet.onpointerup = sheet.onpointercancel = () => (sheet.onpointermove = null);
byId("box").onkeydown = (event) => {
	const way = ARROWS[event.key];
	if (event.key === "Enter") byId("part-go").click();
	if (!way) return;
	event.preventDefault();
	const [left, top, width, height] = box;
	const [x, y] = way.map((one) => one * STEP);
	if (event.shiftKey) place([left, top, within(width + x, LEAST, 1 - left), within(height + y, LEAST, 1 - top)]);
	else place([within(left + x, 0, 1 - width), within(top + y, 0, 1 - height), width, height]);
};
