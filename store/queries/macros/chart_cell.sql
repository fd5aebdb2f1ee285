-- The cell of a chart that a moment is in, from 0: the time is cut into cells of equal length, and the last one takes what
-- remains.
--
-- at_ns             not before the span
-- from_ns, to_ns    the span
-- cell_ns           the length of a cell
CREATE TEMP MACRO chart_cell(at_ns, from_ns, to_ns, cell_ns) AS
    least((at_ns - from_ns) // cell_ns, chart_cells(from_ns, to_ns, cell_ns) - 1)
