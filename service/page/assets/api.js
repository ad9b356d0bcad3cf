// The server's endpoints, by paths relative to the page's own (/<model>/classify), so that a prefix does not matter.

import { byId } from "./dom.js";

export const TOP = 5; // classes asked for
export const LARGE = 256 * 1024; // bytes from which on sending is worth a word, and the answer goes before the preview
const TIMEOUT_MS = 60_000;
performance.setResourceTimingBufferSize(1e5);
const BROKEN_TRIES = 3; // of a file whose request breaks though the server is there

/** The server's sentence about this file; sending it again would not help. */
class Refused extends Error {}

/**
 * The class of a PNG: {cls, fn, top, ms}. Waits while the server is busy or away, and then tries again.
 * `progress` is called with the share of a large one that has been sent. Throws Refused, or the signal's AbortError.
 */
export async function classify(png, fn, signal, progress) {
	const query = new URLSearchParams({ fn, top: TOP });
	for (let broken = 0; broken < BROKEN_TRIES; ) {
		const started = performance.now();
		try {
			const { url, body } = await post(`classify?${query}`, png, signal, progress);
			const answer = JSON.parse(await body.text());
			if (answer.fn !== fn) throw new Refused(`The answer is for another file, ${answer.fn}.`);
			return { ...answer, ms: measure(url, started) };
		} catch (error) {
			signal?.throwIfAborted();
			if (error instanceof Refused) throw error;
			if (error.retryAfter) await pause(error.retryAfter * 1000);
			else broken = (await restored()) ? 0 : broken + 1;
			signal?.throwIfAborted();
		}
	}
	throw new Refused("The file could not be sent. Is it still there, and not too large?");
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
	const { body, region } = await post("input", png, signal);
	return { seen: body, region: region?.split(",").map(Number) };
}

let labels;

/** All labels of the model, as strings. */
export async function readLabels() {
	const model = location.pathname.split("/").at(-2);
	labels ??= (await (await fetch(`../v2/models/${model}`)).json()).parameters.labels.map(String);
	return labels;
}

async function post(path, png, signal, progress) {
	const request = await send(path, png, signal, progress);
	const { status, statusText, response, responseURL } = request;
	if (status === 200) return { url: responseURL, body: response, region: request.getResponseHeader("x-region") };
	const retryAfter = Number(request.getResponseHeader("retry-after")) || 1; // seconds
	if ([429, 503].includes(status)) throw Object.assign(new Error(statusText), { retryAfter });
	if ([502, 504].includes(status)) throw new Error(statusText);
	const told = await response.text().then(JSON.parse).catch(() => ({}));
	throw new Refused(told.error ?? `The server answered ${status} ${statusText}.`);
}

/** A finished request; fetch would not tell how much has been sent. */
function send(path, body, signal, progress) {
	return new Promise((done, fail) => {
		const request = new XMLHttpRequest();
		const abort = () => request.abort();
		signal?.throwIfAborted();
		signal?.addEventListener("abort", abort);
		request.open("POST", path);
		request.setRequestHeader("content-type", "image/png");
		Object.assign(request, { responseType: "blob", timeout: TIMEOUT_MS });
		if (progress && body.size >= LARGE) request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
		request.onloadend = () => {
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
