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

for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, route] of Object.entries(methods)) {
    const section = item("section", "", item("h2", `${method.toUpperCase()} ${path}`), ...prose(route.description ?? ""));
    const form = route.requestBody?.content["multipart/form-data"]?.schema;
    if (form) section.append(item("h3", "Parts of the request"), table(properties(schemas[named(form)])));
    if (route.parameters?.length) {
      const rows = route.parameters.map((entry) => [
        entry.name, kind(entry.schema), `${entry.required ? "Needed. " : ""}${entry.description ?? entry.schema.description ?? ""}`,
      ]);
      section.append(item("h3", "Query"), table(rows));
    }
    const answers = Object.entries(route.responses).map(([status, answer]) => {
      const [content] = Object.values(answer.content ?? {});
      return [status, content?.schema ? kind(content.schema) : "", answer.description];
    });
    section.append(item("h3", "Answers"), table(answers));
    document.getElementById("routes").append(section);
  }
}
for (const [name, schema] of Object.entries(schemas)) {
  if (name.startsWith("Body_") || !schema.properties) continue;
  const section = item("section", "", item("h2", name), ...prose(schema.description ?? ""), table(properties(schema)));
  for (const example of schema.examples ?? []) {
    const text = item("pre", JSON.stringify(example, null, 2));
    text.tabIndex = 0;
    section.append(text);
  }
  document.getElementById("routes").append(section);
}
document.documentElement.dataset.ready = "yes";
