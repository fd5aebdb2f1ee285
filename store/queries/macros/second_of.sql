-- The whole second that a moment is in.
--
-- at_ns       since the run's epoch
CREATE TEMP MACRO second_of(at_ns) AS at_ns // 1_000_000_000
