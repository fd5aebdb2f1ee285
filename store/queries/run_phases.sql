-- Through which phases did the run go?
--
-- at_ns, phase, detail
SELECT at_ns, phase, detail
FROM run_phases
ORDER BY at_ns, list_position(['started', 'load_began', 'load_ended', 'interrupted', 'failed', 'ended'], phase)
