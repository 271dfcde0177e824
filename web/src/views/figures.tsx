// The figures of a finding, whatever their shape: a table of names and values, a table with columns where a value is a list of alike objects.

import type { JSX } from "preact";
import type { Figure } from "../protocol.js";
import { oneLine, visible } from "../text.js";

/** Rows of a list that are drawn. */
const MOST_ROWS = 200;

type Named = { readonly [name: string]: Figure };

function isNamed(figure: Figure): figure is Named {
  return typeof figure === "object" && figure !== null && !Array.isArray(figure);
}

function isList(figure: Figure): figure is readonly Figure[] {
  return Array.isArray(figure);
}

function words(figure: Figure): string {
  if (figure === null) return "–";
  if (typeof figure === "boolean") return figure ? "yes" : "no";
  if (typeof figure === "number") return figure.toLocaleString("en-US", { maximumFractionDigits: 6 });
  return typeof figure === "string" ? figure : JSON.stringify(figure);
}

function FigureValue({ figure }: { figure: Figure }): JSX.Element {
  if (isNamed(figure)) return <Figures figures={figure} />;
  if (!isList(figure)) return <>{visible(words(figure))}</>;
  if (figure.length === 0) return <span class="soft">none</span>;
  const shown = figure.slice(0, MOST_ROWS);
  const more = figure.length > shown.length ? <p class="soft">and {figure.length - shown.length} more, in the case document</p> : null;
  const objects = shown.filter(isNamed);
  if (objects.length < shown.length) return <>{shown.map((one, at) => <div key={at}>{oneLine(words(one))}</div>)}{more}</>;
  const columns = [...new Set(objects.flatMap((one) => Object.keys(one)))];
  return (
    <>
      <table class="figures-list">
        <thead><tr>{columns.map((name) => <th scope="col" key={name}>{oneLine(name)}</th>)}</tr></thead>
        <tbody>{objects.map((one, at) => <tr key={at}>{columns.map((name) => <td key={name}>{oneLine(words(one[name] ?? null))}</td>)}</tr>)}</tbody>
      </table>
      {more}
    </>
  );
}

export function Figures({ figures }: { figures: Named }): JSX.Element {
  return (
    <table class="figures-table">
      <tbody>
        {Object.entries(figures).map(([name, figure]) => (
          <tr key={name}><th scope="row">{oneLine(name)}</th><td><FigureValue figure={figure} /></td></tr>
        ))}
      </tbody>
    </table>
  );
}
