// Analyses KQL with Microsoft's Kusto.Language. Input: {tables: {name: {column: type}}, queries: {name: text}}.
// Output: for each query what is wrong with it, and the columns of its result with their types.
"use strict";

const folder = process.argv[2];
require(`${folder}/bridge.min.js`);
require(`${folder}/Kusto.Language.Bridge.min.js`);
const { KustoCode, GlobalState, Symbols } = globalThis.Kusto.Language;

function listed(list) {
  const items = [];
  for (let at = 0; list && at < list.Count; at += 1) items.push(list.getItem(at));
  return items;
}

function database(tables) {
  const members = new (globalThis.System.Collections.Generic.List$1(Symbols.Symbol).ctor)();
  for (const [name, columns] of Object.entries(tables)) {
    const schema = Object.entries(columns).map(([column, type]) => `${column}: ${type}`).join(", ");
    members.add(Symbols.TableSymbol.From(`(${schema})`).WithName(name));
  }
  return new Symbols.DatabaseSymbol.$ctor1("workspace", members, false);
}

function analysed(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const result = code.ResultType;
  return {
    wrong: listed(code.GetDiagnostics()).map((one) => `${one.Code} at ${one.Start}: ${one.Message}`),
    columns: Object.fromEntries(listed(result && result.Columns).map((one) => [one.Name, one.Type.Name])),
  };
}

const asked = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const globals = GlobalState.Default.WithDatabase(database(asked.tables));
const answer = {};
for (const [name, text] of Object.entries(asked.queries)) answer[name] = analysed(text, globals);
process.stdout.write(JSON.stringify(answer));
