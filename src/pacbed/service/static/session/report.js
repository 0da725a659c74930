/** A session on paper: a table first, then a page for each pattern, with its pictures. */

import { item, part } from "../dom.js";
import { PacbedClient } from "../pacbed-client.js";
import { picturesOf, viewOf } from "../pictures.js";
import { plain } from "../plain.js";
import { stills } from "../stills.js";
import { connectTheme } from "../theme-button.js";
import { COLUMNS } from "./columns.js";
import { linesOf } from "./report-lines.js";
import { isRefused, rowName } from "./row.js";
import { SessionStore } from "./store.js";

/** The session of the address, or why it cannot be shown. */
async function sessionOf(address) {
  const id = Number(new URLSearchParams(address).get("session"));
  const store = await SessionStore.open();
  const session = (await store.sessions()).find((each) => each.id === id);
  if (!session) throw new Error("This browser keeps no such session: open its report from the page.");
  return { store, session, rows: (await store.rows(id)).sort((a, b) => a.place - b.place) };
}

function showHead(session, rows) {
  document.title = `PACBED-CNN: ${session.name}`;
  part("report-name").textContent = session.name;
  part("report-note").textContent = session.note ?? "";
  const answered = rows.filter(({ answer }) => answer).length;
  part("report-about").textContent = `Begun ${session.created.slice(0, 10)}, printed ` +
    `${new Date().toISOString().slice(0, 10)}. ${rows.length} patterns, ${answered} answered. Struck out: must not be used.`;
  const heads = [...COLUMNS.map(({ title }) => title), "Note"].map((title) => {
    const head = item("th", title);
    head.scope = "col";
    return head;
  });
  part("report-heads").replaceChildren(...heads);
  part("report-rows").replaceChildren(...rows.map(tableRow));
}

function tableRow(row) {
  const cells = COLUMNS.map((column) => {
    const text = column.text(row);
    return column.refused && row.answer && isRefused(row.answer) ? item("td", "", item("s", text)) : item("td", text);
  });
  return item("tr", "", ...cells, item("td", [row.note, plain(row.problem)].filter(Boolean).join("; ")));
}

/** A page of one answer, its pictures still to come. */
function page(row) {
  const lines = linesOf(row).flatMap(([name, value]) => [item("dt", name), item("dd", value)]);
  const pictures = item("div");
  pictures.className = "three";
  const article = item("article", "", item("h2", rowName(row)), pictures, item("dl", "", ...lines));
  if (row.answer.warnings.length) {
    article.append(item("h3", "Warnings"),
      item("ul", "", ...row.answer.warnings.map((words) => item("li", plain(words)))));
  }
  part("report-patterns").append(article);
  return pictures;
}

/** Draw the pictures of a row; where there are none, say why. */
async function drawPictures(client, store, row, place) {
  const [original, mask] = [await store.blob(row.blob), await store.blob(row.mask ?? null)];
  const { views, words } = await picturesOf(client, { ...row, original, mask });
  place.replaceChildren(...(views ? stills(viewOf(views, row.answer)) : [item("p", words)]));
}

async function begin() {
  connectTheme();
  part("print").addEventListener("click", () => print());
  const { store, session, rows } = await sessionOf(location.search);
  showHead(session, rows);
  const answered = rows.filter(({ answer }) => answer);
  const places = answered.map(page);
  const client = new PacbedClient("..");
  for (const [i, row] of answered.entries()) {
    part("report-words").textContent = `Drawing the patterns, ${i + 1} of ${answered.length} …`;
    await drawPictures(client, store, row, places[i]);
  }
  part("report-words").textContent = "Complete: print it, or save it as PDF.";
}

try {
  await begin();
} catch (error) {
  part("report-words").textContent = error.message;
}
document.documentElement.dataset.ready = "yes";
