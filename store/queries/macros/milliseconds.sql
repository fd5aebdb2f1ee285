-- Nanoseconds as milliseconds.
--
-- ns    a duration
CREATE TEMP MACRO milliseconds(ns) AS ns / 1e6
