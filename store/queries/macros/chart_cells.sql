-- How many cells of equal length a chart's time is cut into.
--
-- from_ns, to_ns    the span
-- cell_ns           the length of a cell
CREATE TEMP MACRO chart_cells(from_ns, to_ns, cell_ns) AS
    greatest(1, round((to_ns - from_ns) / cell_ns)::BIGINT)
