"""Charts: what a run looks like over time, and how its latencies spread.

`collect` asks the log, one query for each chart; a `Chart` is the answer with what it needs to be drawn. It is drawn
as text (`text`), as a Vega-Lite spec (`vega`, from templates that `grammar` makes with altair), and as a picture
(`pictures`, with vl-convert). Nothing here needs a network, and nothing heavy is imported before it is needed.
"""
