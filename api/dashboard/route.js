// SPDX-License-Identifier: Apache-2.0
// Every view has an address: what stands behind the # says which, and can be sent to a colleague.
//   #/pages?q=offer&min=100&sort=ctr   #/page?page=/offer/list   #/chart?page=/a&box=b&range=6h

const VIEWS = ["pages", "boxes", "placements", "page", "chart", "movers"];

/** {view, ...arguments} */
export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const values = Object.fromEntries(new URLSearchParams(query));
  return { ...values, view: VIEWS.includes(path) ? path : "pages" };
}

/** The address of a view; what is empty is left out. */
export function address({ view, ...values }) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value != null && value !== "") query.set(name, value);
  }
  const text = query.toString().replaceAll("%2F", "/");
  return `#/${view}${text ? `?${text}` : ""}`;
}

/** Changes parts of the present address. `quiet`: no new entry in the history, for every keystroke. */
export function change(values, quiet = true) {
  const next = address({ ...read(), ...values });
  if (next === location.hash) return;
  if (quiet) {
    history.replaceState(null, "", next);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = next;
}

/** Where a row leads: a page to its boxes, all else to its chart. */
export function rowAddress(row, window) {
  return row.box == null ? address({ view: "page", page: row.page, window })
    : address({ view: "chart", page: row.page, box: row.box, window });
}

/** A key as the stream names it; also what rows are found by. */
export const keyOf = (item) => (item.box == null ? item.page : `${item.page ?? ""}\t${item.box}`);
