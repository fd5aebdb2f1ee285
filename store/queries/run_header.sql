-- What run is this? The one row of the table `run`.
SELECT *
FROM run
