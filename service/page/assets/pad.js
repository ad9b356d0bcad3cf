// A sheet to draw on with mouse, pen, finger or keys: dark ink on white paper.

import { ARROWS, announce, byId, locate } from "./dom.js";

const INK_WIDTH = 0.05; // of the sheet's side: wider, and small digits become blobs

export class Pad {
	/** `changed` is called after every visible change. */
	constructor(canvas, changed) {
		this.canvas = canvas;
		this.changed = changed;
		this.context = canvas.getContext("2d", { alpha: false });
		this.pen = [0.5, 0.5]; // the keyboard's
		this.listenToPointer();
		canvas.onkeydown = (event) => this.press(event);
		canvas.onblur = () => this.lift();
		this.redraw([]);
	}

	get empty() {
		return !this.strokes.length;
	}

	undo() {
		this.redraw(this.strokes.slice(0, -1));
		this.changed();
	}

	clear() {
		this.redraw([]);
		this.changed();
	}

	toPng() {
		return new Promise((done) => this.canvas.toBlob(done, "image/png"));
	}

	listenToPointer() {
		const { canvas } = this;
		let active = null; // one finger at a time
		canvas.onpointerdown = (event) => {
			if (event.button !== 0 || active !== null) return;
			active = event.pointerId;
			canvas.setPointerCapture(active);
			byId("pen").hidden = true;
			this.lift();
			this.begin(locate(event, canvas));
		};
		canvas.onpointermove = (event) => {
			if (event.pointerId !== active) return;
			const events = event.getCoalescedEvents?.() ?? [];
			this.extend((events.length ? events : [event]).map((one) => locate(one, canvas)));
		};
		canvas.onpointerup = canvas.onpointercancel = (event) => {
			if (event.pointerId === active) active = null;
		};
		addEventListener("pagehide", () => (active = null)); // nobody tells that it went up meanwhile
	}

	begin(point) {
		this.stroke = [point];
		this.strokes.push(this.stroke);
		this.ink([point]);
		this.changed();
	}

	extend(points) {
		if (!this.stroke) return; // undone meanwhile
		this.ink([this.stroke.at(-1), ...points]);
		this.stroke.push(...points);
		this.changed();
	}

	press(event) {
		const step = ARROWS[event.key];
		if (step) this.move(step, (event.shiftKey ? 4 : 1) / Number(this.canvas.dataset.cells));
		else if (event.key === " ") this.toggle();
		else if (event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey))) this.undo();
		else if (event.key === "Delete") this.clear();
		else return;
		event.preventDefault();
	}

	toggle() {
		const down = !this.down;
		this.lift();
		this.down = down; // the keyboard's
		announce(down ? "pen down" : "pen up");
		this.showPen();
		if (down) this.begin([...this.pen]);
	}

	/** End the stroke that is being drawn. */
	lift() {
		this.stroke = null;
		this.down = false;
		byId("pen").classList.remove("down");
	}

	move([x, y], distance) {
		this.pen = [x, y].map((way, axis) => Math.min(0.96, Math.max(0.04, this.pen[axis] + way * distance)));
		this.showPen();
		if (this.down) this.extend([[...this.pen]]);
	}

	showPen() {
		const pen = byId("pen");
		pen.hidden = false;
		pen.classList.toggle("down", this.down);
		pen.style.setProperty("--x", this.pen[0]);
		pen.style.setProperty("--y", this.pen[1]);
	}

	ink(points) {
		const { context, canvas } = this;
		context.beginPath();
		context.moveTo(points[0][0] * canvas.width + 0.1, points[0][1] * canvas.height); // a dot needs a length
		for (const [x, y] of points) context.lineTo(x * canvas.width, y * canvas.height);
		context.stroke();
	}

	/** Strokes are lists of points [x, y], each 0 to 1. */
	redraw(strokes) {
		const { context, canvas } = this;
		this.strokes = strokes;
		this.lift();
		Object.assign(context, { fillStyle: "#fff", strokeStyle: "#111", lineCap: "round", lineJoin: "round" });
		context.lineWidth = INK_WIDTH * canvas.width;
		context.fillRect(0, 0, canvas.width, canvas.height);
		for (const stroke of strokes) this.ink(stroke);
	}
}
