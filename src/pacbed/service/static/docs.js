/** The interface for programs, written out from the service's own description. */

const item = (tag, text, ...inside) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...inside);
  return element;
};

const description = await (await fetch("openapi.json")).json();
const schemas = description.components.schemas;
const named = (schema) => schema?.$ref?.split("/").pop();

/** The type of a value in few words. */
function kind(schema) {
  if (named(schema)) return named(schema);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.contentSchema) return `JSON text of ${kind(schema.contentSchema)}`;
  if (schema.contentMediaType === "application/octet-stream") return "file";
  if (schema.type === "array") {
    return schema.prefixItems ? `[${schema.prefixItems.map(kind).join(", ")}]` : `list of ${kind(schema.items)}`;
  }
  const ends = [schema.exclusiveMinimum ?? schema.minimum, schema.maximum];
  const range = ends.every((end) => end !== undefined) ? ` ${ends[0]} … ${ends[1]}` : "";
  return `${schema.type ?? "any"}${range}`;
}

function table(rows) {
  const body = item("tbody");
  for (const [name, type, words] of rows) {
    const head = item("th", "", item("code", name));
    head.scope = "row";
    body.append(item("tr", "", head, item("td", type), item("td", words ?? "")));
  }
  return item("table", "", body);
}

const properties = (schema) => Object.entries(schema.properties ?? {}).map(([name, entry]) => {
  const fallback = "default" in entry && entry.default !== null ? ` By default ${JSON.stringify(entry.default)}.` : "";
  return [name, kind(entry), `${entry.description ?? ""}${fallback}`];
});

/** Paragraphs, and indented lines as examples. */
function prose(text) {
  return text.split("\n\n").map((block) => {
    const example = item("pre", block.replace(/^ {4}/gm, ""));
    example.tabIndex = 0;
    return block.startsWith("    ") ? example : item("p", block.replaceAll("`", ""));
  });
}

const routes = item("ul");
const kinds = item("ul");
document.getElementById("contents").append(
  item("h3", "Routes"), routes, item("h3", "What they take and give"), kinds,
);

/** A section with its line in the contents. */
function section(list, title, ...inside) {
  const made = item("section", "", item("h2", title), ...inside);
  made.id = title.replace(/\W+/g, "-").replace(/^-|-$/g, "").toLowerCase();
  const link = item("a", title);
  link.href = `#${made.id}`;
  list.append(item("li", "", link));
  document.getElementById("routes").append(made);
  return made;
}

for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, route] of Object.entries(methods)) {
    const place = section(routes, `${method.toUpperCase()} ${path}`, ...prose(route.description ?? ""));
    const form = route.requestBody?.content["multipart/form-data"]?.schema;
    if (form) place.append(item("h3", "Parts of the request"), table(properties(schemas[named(form)])));
    if (route.parameters?.length) {
      const rows = route.parameters.map((entry) => [
        entry.name, kind(entry.schema), `${entry.required ? "Needed. " : ""}${entry.description ?? entry.schema.description ?? ""}`,
      ]);
      place.append(item("h3", "Query"), table(rows));
    }
    const answers = Object.entries(route.responses).map(([status, answer]) => {
      const [content] = Object.values(answer.content ?? {});
      return [status, content?.schema ? kind(content.schema) : "", answer.description];
    });
    place.append(item("h3", "Answers"), table(answers));
  }
}
for (const [name, schema] of Object.entries(schemas)) {
  if (name.startsWith("Body_") || !schema.properties) continue;
  const place = section(kinds, name, ...prose(schema.description ?? ""), table(properties(schema)));
  for (const example of schema.examples ?? []) {
    const text = item("pre", JSON.stringify(example, null, 2));
    text.tabIndex = 0;
    place.append(text);
  }
}
document.documentElement.dataset.ready = "yes";

export {};
