// SPDX-License-Identifier: Apache-2.0
// Asking the service. Errors carry what the views tell people: away, refused, not yet.

const TOKEN = "livectr.token";
const PATIENCE = 8000;

export class Failure extends Error {
  /** kind: away (no answer), token (401), scope (403), wait (503 and 429), other */
  constructor(kind, words, problem = "", retryMs = 0) {
    super(words);
    Object.assign(this, { kind, problem, retryMs });
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => (value ? sessionStorage.setItem(TOKEN, value) : sessionStorage.removeItem(TOKEN)),
};

const kinds = { 401: "token", 403: "scope", 429: "wait", 503: "wait" };

async function refusal(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch { /* no problem+json: the status alone must do */ }
  return new Failure(kinds[response.status] ?? "other", problem.detail ?? `Status ${response.status}`,
    problem.type?.replace("/problems/", "") ?? "", 1000 * (response.headers.get("Retry-After") ?? 1));
}

/** A response with status 200. no-cache: a copy is asked about rather than shown for a second longer. */
export async function open(path, { signal, patience = PATIENCE, body } = {}) {
  const headers = {};
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body) headers["Content-Type"] = "application/json";
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), patience);
  const give = () => late.abort();
  signal?.addEventListener("abort", give);
  try {
    const response = await fetch(path, { method: body ? "POST" : "GET", headers, cache: "no-cache", redirect: "error",
      credentials: "omit", signal: late.signal, body: body && JSON.stringify(body) });
    if (!response.ok) throw await refusal(response);
    // The body may take as long as it likes only where the caller can end it (a stream).
    return { response, end: () => late.abort(), release: () => signal?.removeEventListener("abort", give) };
  } catch (error) {
    signal?.removeEventListener("abort", give);
    if (error instanceof Failure || signal?.aborted) throw error;
    throw new Failure("away", "The service does not answer.");
  } finally {
    clearTimeout(timer);
  }
}

/** The JSON of an answer. */
export async function ask(path, values = {}, options = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value != null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  const { response, end, release } = await open(text ? `${path}?${text}` : path, options);
  const timer = setTimeout(end, PATIENCE);
  try {
    return await response.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Failure("away", "The answer broke off.");
  } finally {
    clearTimeout(timer);
    release();
  }
}

/** Reads server-sent events until the stream ends; `onBytes` hears of any sign of life. EventSource could
 * not send a token. */
export async function readEvents(opened, onEvent, onBytes) {
  const reader = opened.response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      if (data.length > 0) onEvent(JSON.parse(data.join("\n")));
    }
  }
}
