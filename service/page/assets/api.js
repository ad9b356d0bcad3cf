// The server's endpoints, by paths relative to the page's own (/<model>/classify), so that a prefix does not matter.

import { byId } from "./dom.js";

export const TOP = 5; // classes asked for
export const LARGE = 256 * 1024; // bytes from which on sending is worth a word, and the answer goes before the preview
const TIMEOUT_MS = 60_000;
const TRIES = 3; // of a request that breaks though the server is there
const UNSENT = "The file could not be sent. Is it still there, and not too large?";
performance.onresourcetimingbufferfull = () => performance.clearResourceTimings(); // else no more are measured

/** A sentence about this file; sending it again would not help. */
class Refused extends Error {}

/** The class of a PNG: {cls, fn, top, ms}. `progress` is called with the share of a large one that has been sent. */
export function classify(png, fn, signal, progress) {
	const query = new URLSearchParams({ fn, top: TOP });
	return persist(signal, async () => {
		const started = performance.now();
		const { url, body } = await post(`classify?${query}`, png, signal, progress);
		const answer = JSON.parse(await body.text());
		if (answer.fn !== fn) throw new Refused(`The answer is for another file, ${answer.fn}.`);
		return { ...answer, ms: measure(url, started) };
	});
}

/** What `ask` resolves to; asks again when the server was busy or away. Throws Refused, or the signal's AbortError. */
export async function persist(signal, ask) {
	for (let broken = 0; ; ) {
		try {
			return await ask();
		} catch (error) {
			signal?.throwIfAborted();
			if (error instanceof Refused) throw error;
			if (error.retryAfter) await pause(error.retryAfter * 1000);
			else {
				if (error.status) await pause(1000);
				broken = (await restored()) ? 0 : broken + 1;
				if (broken === TRIES) throw new Refused(error.status ? error.message : UNSENT);
			}
			signal?.throwIfAborted();
		}
	}
}

/** Milliseconds from request to last byte; the browser knows them without what the page was busy with. */
function measure(url, started) {
	const timing = performance.getEntriesByName(url).at(-1);
	return timing?.requestStart ? timing.responseEnd - timing.requestStart : performance.now() - started;
}

/**
 * What the model sees of a PNG: {seen, region}, a PNG and, where the server tells, the part of the picture that it is
 * of, [left, top, width, height] in pixels. Throws where it sees nothing.
 */
export async function readInput(png, signal) {
	const { body, region } = await persist(signal, () => post("input", png, signal));
	return { seen: body, region: region?.split(",").map(Number) };
}

/** All labels of the model, as strings; a new version may have others. */
export async function readLabels() {
	const response = await fetch(`../v2/models/${location.pathname.split("/").at(-2)}`);
	if (!response.ok) throw failure(response);
	return (await response.json()).parameters.labels.map(String);
}

async function post(path, png, signal, progress) {
	const request = await send(path, png, signal, progress);
	const { status, response, responseURL } = request;
	if (status === 200) return { url: responseURL, body: response, region: request.getResponseHeader("x-region") };
	const wait = request.getResponseHeader("retry-after"); // seconds, or a date
	if (wait && [429, 503].includes(status)) throw Object.assign(new Error("busy"), { retryAfter: Number(wait) || 1 });
	if ([429, 502, 503, 504].includes(status)) throw failure(request);
	const told = await response.text().then(JSON.parse).catch(() => ({}));
	throw new Refused(told.error ?? failure(request).message);
}

function failure({ status, statusText }) {
	return Object.assign(new Error(`The server answered ${`${status} ${statusText}`.trim()}.`), { status });
}

let sending = Promise.resolve();

/** Large bodies are sent one after the other: each has to arrive in time. Resolves to what ends the turn. */
function takeTurn() {
	const before = sending;
	let end;
	sending = new Promise((done) => (end = done));
	return before.then(() => end);
}

/** A finished request; fetch would not tell how much has been sent. */
async function send(path, body, signal, progress) {
	const end = body.size < LARGE ? () => {} : await takeTurn();
	return new Promise((done, fail) => {
		const request = new XMLHttpRequest();
		const abort = () => request.abort();
		if (signal?.aborted) {
			end();
			return fail(signal.reason);
		}
		signal?.addEventListener("abort", abort);
		request.open("POST", path);
		request.setRequestHeader("content-type", "image/png");
		Object.assign(request, { responseType: "blob", timeout: TIMEOUT_MS });
		if (progress && body.size >= LARGE) request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
		request.upload.onloadend = end;
		request.onloadend = () => {
			end(); // where nothing was sent
			signal?.removeEventListener("abort", abort);
			request.status ? done(request) : fail(signal?.reason ?? new Error("no answer"));
		};
		request.send(body);
	});
}

let absence; // one promise for all who wait

/** Resolves when the server answers again: to true if it was away, else false. */
export function restored() {
	absence ??= waitForServer().finally(() => (absence = undefined));
	return absence;
}

async function waitForServer() {
	for (let delay = 500; ; delay = Math.min(delay * 2, 8000)) {
		const there = await isReady();
		byId("away").hidden = there;
		if (there) return delay > 500;
		await Promise.race([pause(delay), new Promise((tried) => (byId("try-now").onclick = tried))]);
	}
}

async function isReady() {
	const request = fetch("../v2/health/ready", { cache: "no-store", signal: AbortSignal.timeout(5000) });
	return (await request.catch(() => null))?.ok ?? false;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
