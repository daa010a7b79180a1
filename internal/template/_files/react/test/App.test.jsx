import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { App } from "../src/App.jsx";

test("the page begins at zero", () => {
  const html = renderToStaticMarkup(<App />);
  expect(html).toContain("<h1>Hello</h1>");
  expect(html).toContain("pressed the button 0 times");
});
