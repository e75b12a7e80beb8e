// The words of scripts are those of the server: one table of cases for both.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as text from "../../frontend/js/lib/text.js";

const cases = JSON.parse(readFileSync(new URL("./text.cases.json", import.meta.url)));
const say = { ...text, fill: ([bytes, full]) => text.fillOf(bytes, full) };

for (const [name, rows] of Object.entries(cases)) {
  test(`${name} says what the server says`, () => {
    for (const [given, expected] of rows) assert.equal(say[name](given), expected, String(given));
  });
}
