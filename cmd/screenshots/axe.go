package main

import (
	"context"

	"github.com/chromedp/chromedp"
)

// axeScript runs every rule of WCAG 2.2 A and AA and the best practices, and
// answers with a list, one line for each violation.
const axeScript = `(async () => {
  const run = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"],
  });
  return run.violations.map((v) =>
    v.id + ": " + v.help + ": " + v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0] ? n.any[0].message : "")).join("; "));
})()`

// accessibility runs axe-core in the open page, and returns what it found wrong.
func accessibility(ctx context.Context, axe string) ([]string, error) {
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](axe+";0")); err != nil {
		return nil, err
	}
	return chromedp.Run(ctx, chromedp.Evaluate[[]string](axeScript, chromedp.EvalAwaitPromise))
}
